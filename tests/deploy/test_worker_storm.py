"""Three brokers, three workers, PgBouncer between, devices that follow `$ack` and plain ones.

While workers and brokers are killed, workers stopped and their lease connections cut, and one
worker's clock is wrong: what was acknowledged is stored once and in order, plain readings of the
brokers that lived are not lost, and another worker takes over soon; a rollout commands each device
once, and what there is to tell is told once. `make soak` kills more.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import signal
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from hub.mqtt.clock import Clocks
from tests.hub.database.bouncer import bouncer
from tests.hub.notifications.receiver import Receiver, receiving
from tests.support import seeds, storm
from tests.support.broker import OpenBroker
from tests.support.duties import DutiesWitness
from tests.support.hub import until
from tests.support.mqtt311 import Client
from tests.support.workers import WorkerProcess, Workers
from tests.support.wrong_clock import WallClock

KILLS = int(os.environ.get("SCALE_KILLS", "4"))
SLEEPERS, PLAIN, CONFIGURED = (60, 12, 12) if KILLS > 10 else (12, 6, 3)
LIGHT = storm.LIGHT
# s: as long as a worker is stopped in the long form; the others end it after 12.
STOPPED_S = 20.0


class Plain:
    """Says one plain reading after another with QoS 1; `confirmed` are those the broker took."""

    def __init__(self, name: str, port: int) -> None:
        self.name, self.port = name, port
        self.said, self.confirmed = 0, list[int]()

    async def say(self) -> None:
        """One more; that it was confirmed is known when this returns."""
        self.said += 1
        number = self.said
        with contextlib.suppress(OSError, EOFError, TimeoutError):
            async with asyncio.timeout(3):
                client = await Client.connect("127.0.0.1", self.port, self.name)
                try:
                    await client.publish(f"HomeKit/{self.name}/{LIGHT}", str(number))
                    self.confirmed.append(number)
                finally:
                    await client.close()


class Cluster:
    """What is killed, and how long it took until another had what the dead one held."""

    def __init__(self, workers: Workers, brokers: list[OpenBroker], rng: random.Random) -> None:
        self.workers, self.brokers, self.rng = workers, brokers, rng
        self.all: list[WorkerProcess] = []
        self.took_s: list[float] = []
        self.done: dict[str, int] = defaultdict(int)

    async def harm(self, what: str) -> None:
        """One misfortune, and what brings everything back."""
        self.done[what] += 1
        worker = self.rng.choice(self.all)
        if what == "broker":
            # The first is never killed: what it confirmed is not to be lost.
            broker = self.rng.choice(self.brokers[1:])
            await broker.kill()
            await broker.start()
        elif what in {"worker", "duties"}:
            if what == "duties":
                worker = await self._with_duties()
            await worker.kill()
            await self._taken_over(worker)
            await worker.start()
        elif what == "connection":
            await self.workers.cut(worker)
        else:
            worker.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(STOPPED_S)
            worker.process.send_signal(signal.SIGCONT)
        await until(self._is_whole)

    async def _is_whole(self) -> bool:
        for one in self.all:
            # One that lost the duties ends, as a service is started again.
            if one.process.returncode is not None:
                await one.start()
        return await self.workers.shared(*self.all)

    async def _with_duties(self) -> WorkerProcess:
        async def holder() -> WorkerProcess | None:
            pid = (await self.workers.held("duties")).get("duties")
            return next((one for one in self.all if one.process.pid == pid), None)

        return await until(holder)

    async def _taken_over(self, dead: WorkerProcess) -> None:
        began = time.monotonic()

        async def taken() -> bool:
            cells = await self.workers.cells()
            return len(cells) == len(self.brokers) and dead.process.pid not in cells.values()

        await until(taken, every_s=0.02)
        self.took_s.append(time.monotonic() - began)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
async def cluster(
    server, server_folder: Path, short_tmp: Path, receiver: Receiver
) -> AsyncIterator[Cluster]:
    async with AsyncExitStack() as stack:
        brokers = []
        for name in "abc":
            (short_tmp / name).mkdir()
            brokers.append(await stack.enter_async_context(OpenBroker(short_tmp / name)))
        workers = await stack.enter_async_context(
            Workers(server, server_folder, [one.port for one in brokers])
        )
        pooled = await stack.enter_async_context(bouncer(server, workers.database, server_folder))
        running = Cluster(workers, brokers, random.Random(seeds.seed()))
        clock = WallClock(short_tmp)
        clock.set(7 * 60)
        # On one machine all would have the start of one clock.
        (short_tmp / "boot").write_text(f"{uuid.uuid4()}\n")
        bind = f"mount --bind {short_tmp}/boot /proc/sys/kernel/random/boot_id"
        wrong = ["unshare", "--mount", "sh", "-c", f'{bind} && exec "$@"', "sh", "env"]
        wrong += [f"{name}={value}" for name, value in clock.environment().items()]
        urls = {"DATABASE_URL": pooled, "DATABASE_DIRECT_URL": workers.database.app_url}
        urls["NOTIFY_NETWORKS"] = "127.0.0.0/8"
        for name in ("right", "wrong", "third"):
            within = wrong if name == "wrong" and KILLS > 10 else []
            worker = workers.process(name, within=within, **urls)
            await worker.start()
            running.all.append(worker)
        await until(lambda: workers.shared(*running.all))
        yield running
        clock.end()


# A rollout goes on over it, device after device, and what there is to tell is looked for twice a
# minute; each wait has its own limit.
@pytest.mark.timeout(300 + 60 * KILLS)
async def test_what_was_acknowledged_is_stored_once_whatever_dies(
    cluster: Cluster, receiver: Receiver
):
    ports, rng = [one.port for one in cluster.brokers], cluster.rng
    witness = DutiesWitness(cluster.all, ports, CONFIGURED, receiver)
    await witness.begin()
    devices = [
        storm.Device(f"s{n:03}", ports[n % 3], random.Random(n), capacity=100)
        for n in range(SLEEPERS)
    ]
    plain = [Plain(f"p{n:03}", ports[n % 3]) for n in range(PLAIN)]
    raining = True

    async def live(device: storm.Device) -> None:
        while raining or device.pending:
            await device.wake(measure=raining)
            await asyncio.sleep(device.rng.uniform(0.3, 0.9))

    async def talk(one: Plain) -> None:
        while raining:
            await one.say()
            await asyncio.sleep(0.2)

    async def follow() -> None:
        while raining:
            await witness.wake()
            await asyncio.sleep(0.5)  # between two wakes of a device

    tasks = [asyncio.create_task(live(one)) for one in devices]
    tasks.append(asyncio.create_task(follow()))
    tasks += [asyncio.create_task(talk(one)) for one in plain]
    stops = [KILLS // 2] if KILLS > 10 else []
    for n in range(KILLS):
        kinds = ["worker", "broker", "duties", "connection"]
        await cluster.harm("stop" if n in stops else kinds[n % 4])
        await asyncio.sleep(rng.uniform(0.2, 1.0))
    raining = False
    await asyncio.gather(*tasks)

    stored = await until(lambda: everything(cluster, devices, plain[::3]))
    print(f"takeover s: {[round(one, 2) for one in cluster.took_s]}; {dict(cluster.done)}")
    lost = repeated = 0
    for device in devices:
        numbers = stored[device.name]
        expected = [n for n in range(1, device.seq + 1) if n not in device.thinned]
        assert sorted(numbers) == expected
        # By the time of measurement: what waited less than SLACK counts as prompt.
        if KILLS <= 10:
            assert backwards([device.taken_at[n] for n in numbers]) < Clocks.SLACK + 1
    for one in plain:
        numbers = stored[one.name]
        missing = set(one.confirmed) - set(numbers)
        if one in plain[::3]:
            assert not missing, f"{one.name}: confirmed by a broker that lived, and lost: {missing}"
            first = list(dict.fromkeys(numbers))
            assert first == sorted(first) or KILLS > 10, f"{one.name}: out of order"
        lost += len(missing)
        repeated += len(numbers) - len(set(numbers))
    print(f"plain: {lost} lost with their broker, {repeated} twice")
    await witness.end()
    assert await witness.commanded() == dict.fromkeys(await witness.commanded(), 1)
    assert {one.name: len(one.versions) for one in witness.devices} == dict.fromkeys(
        (one.name for one in witness.devices), 1
    )
    # A message whose sender was killed comes again under its id, by which it is known.
    assert len(witness.told()) == 1
    print(f"commanded once each: {CONFIGURED}; messages: {witness.told()}")
    assert await cluster.workers.ids_given_twice() == []


def backwards(times: list[float]) -> float:
    """By how much, in s, one of them lies before any that stands before it."""
    latest = itertools.accumulate(times, max)
    return max((high - one for high, one in zip(latest, times, strict=True)), default=0.0)


async def everything(
    cluster: Cluster, devices: list[storm.Device], plain: list[Plain]
) -> dict[str, list[int]] | None:
    """The numbers stored of each device by time, once all are there that must be."""
    stored = await cluster.workers.numbers()
    there = all(
        len(set(stored.get(d.name, ()))) >= d.seq - len(d.thinned) for d in devices
    ) and all(set(one.confirmed) <= set(stored.get(one.name, ())) for one in plain)
    return stored if there else None
