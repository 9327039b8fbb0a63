"""What was acknowledged is kept, whatever is killed when."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import os
import random
import signal
import time
from pathlib import Path

import psycopg
import pytest

from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind
from tests.support import seeds
from tests.support.hub import rows, until
from tests.support.publisher import Publisher, RefusedError

RATE = 200  # messages a second, of all publishers together
TEMPERATURE = "TemperatureSensor/CurrentTemperature"
# A value per sequence number, exact in a float and within a thermometer's range.
STEP = 1 / 128


class Load:
    """Publishers that never give up: batches with one reading each, and plain readings."""

    def __init__(self, hub, publishers: int) -> None:
        ports = hub.facts["mqtt_port"], hub.facts["enrol_port"]
        self.batching = [Publisher(f"batch_{n}", *ports) for n in range(publishers)]
        self.plain = [Publisher(f"plain_{n}", *ports) for n in range(publishers)]
        self.stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        for publisher in self.everyone:
            await publisher.enrol()
        pause = len(self.everyone) / RATE
        self._tasks = [
            *(asyncio.create_task(self._keep_on(p, self._batch, pause)) for p in self.batching),
            *(asyncio.create_task(self._keep_on(p, self._plain, pause)) for p in self.plain),
        ]

    @property
    def everyone(self) -> list[Publisher]:
        return [*self.batching, *self.plain]

    async def stop(self) -> None:
        """Once each had much confirmed, and something after the last kill."""
        before = {publisher: len(publisher.confirmed) for publisher in self.everyone}

        async def enough() -> bool:
            return all(len(p.confirmed) > max(50, before[p] + 5) for p in self.everyone)

        await until(enough)
        self.stopping = True
        await asyncio.gather(*self._tasks)

    async def _batch(self, publisher: Publisher) -> None:
        await publisher.batch(1, TEMPERATURE, lambda seq: seq * STEP)

    async def _plain(self, publisher: Publisher) -> None:
        publisher.seq += 1
        topic = f"HomeKit/{publisher.device}/{TEMPERATURE}"
        await publisher.send(topic, str(publisher.seq * STEP).encode(), tag=publisher.seq)

    async def _keep_on(self, publisher: Publisher, send, pause: float) -> None:
        while not self.stopping:
            try:
                await send(publisher)
                await publisher.drain(outstanding=3)
                await asyncio.sleep(pause)
            except (OSError, EOFError, RefusedError):
                await publisher.close()
                await self._again(publisher)
        with contextlib.suppress(OSError, EOFError):
            await publisher.drain()
        await publisher.close()

    async def _again(self, publisher: Publisher) -> None:
        while not self.stopping:
            try:
                return await publisher.connect()
            except (OSError, EOFError, RefusedError):
                await asyncio.sleep(0.1)
        return None


async def _stored(hub, device: str) -> list[int]:
    """Sequence numbers in the order in which the database has their rows."""
    found = await rows(
        hub,
        """SELECT r.value FROM dormouse.reading r JOIN dormouse.series s ON s.id = r.series_id
           JOIN dormouse.device d ON d.id = s.device_id WHERE d.key = %s ORDER BY r.at""",
        device,
    )
    return [round(value / STEP) for (value,) in found]


async def _check(hub, load: Load) -> None:
    """Every confirmed `$batch` reading is there exactly once, every plain one at least once."""
    for publisher in load.everyone:

        async def complete(publisher=publisher):
            return publisher.confirmed - {0} <= set(await _stored(hub, publisher.device))

        await until(complete, limit_s=60)
    for publisher in load.batching:
        stored = await _stored(hub, publisher.device)
        assert len(stored) == len(set(stored))
    for publisher in load.plain:
        stored = await _stored(hub, publisher.device)
        assert all(a != b for a, b in itertools.pairwise(stored))


@pytest.fixture
def seed():
    return seeds.seed()


async def test_the_hub_killed_ten_times_under_load_loses_nothing(hub, pair, seed):
    chance = random.Random(seed)
    phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    load = Load(hub, publishers=4)
    await load.start()
    for publisher in load.everyone:
        await phone.wait_for(publisher.device, "TemperatureSensor", "CurrentTemperature")
    before = _ids(await phone.tree())
    for _ in range(10):
        await asyncio.sleep(chance.uniform(0.1, 1.5))
        await hub.kill()
        await hub.start()
    await load.stop()
    await _check(hub, load)
    phone = await phone.again()
    assert _ids(await phone.tree()) == before
    await phone.close()


def _ids(tree):
    return {
        (accessory["aid"], service["iid"], service["type"], char["iid"], char["type"])
        for accessory in tree
        for service in accessory["services"]
        for char in service["characteristics"]
    }


async def test_postgres_killed_under_load_is_back_by_itself_and_nothing_is_lost(hub, seed):
    chance = random.Random(seed)
    load = Load(hub, publishers=4)
    await load.start()
    for _ in range(3):
        await asyncio.sleep(chance.uniform(0.5, 1.5))
        killed = _postmaster(hub)
        os.kill(killed, signal.SIGKILL)
        await until(lambda killed=killed: _another(hub, killed), limit_s=60)
    await load.stop()
    assert hub.process.returncode is None
    await until(lambda: _answers(hub), limit_s=30)
    await _check(hub, load)


async def _answers(hub) -> bool:
    """Whether Postgres is through with what the kill has left to do."""
    with contextlib.suppress(psycopg.OperationalError):
        return await rows(hub, "SELECT 1") == [(1,)]
    return False


def _postmaster(hub) -> int | None:
    """Postgres' first process: the child of the hub's by that name."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        name = stat[stat.index("(") + 1 : stat.rindex(")")]
        if name == "postgres" and int(stat.rpartition(")")[2].split()[1]) == hub.process.pid:
            return int(entry.name)
    return None


async def _another(hub, killed: int) -> bool:
    return _postmaster(hub) not in {None, killed}


async def test_readings_of_an_outage_come_late_with_honest_times(hub, make_twin):
    period, swing = 600, 40  # at its steepest 0.42 degrees a second
    wave = {"base": 20, "swing": swing, "period_s": period, "phase_s": -time.time() % period}
    twin = make_twin(
        TwinKind.DS18B20,
        HubAddress.of(hub.facts),
        interval=2,
        world={"values": {"temperature": wave}, "parts": {}},
    )
    await twin.start()
    await until(lambda: hub.value(twin.id, "CurrentTemperature"))
    await hub.stop()  # its broker with it
    gone = time.time()
    cycles = twin.statistics.cycles
    await twin.until(lambda now: now.cycles >= cycles + 6)
    back = time.time()
    await hub.start()

    async def outage():
        found = await rows(
            hub,
            """SELECT extract(epoch FROM r.at)::float8, r.value FROM dormouse.reading r
               JOIN dormouse.series s ON s.id = r.series_id
               WHERE s.characteristic = 'CurrentTemperature' ORDER BY r.at""",
        )
        late = [(at, value) for at, value in found if gone < at < back]
        return late if len(late) >= 3 and any(at > back for at, _ in found) else None

    late = await until(outage, limit_s=60)
    for at, value in late:
        angle = 2 * math.pi * (at + wave["phase_s"]) / period
        true = wave["base"] + swing * math.sin(angle)
        # Ages are whole seconds, and a busy machine starts a VM late, of which its clock knows
        # nothing: 4 s at the steepest, and the sensor's step. They came up to 12 s late.
        assert abs(value - true) <= 4 * swing * 2 * math.pi / period + 0.1
