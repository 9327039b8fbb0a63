"""A hub that drops what its broker has confirmed loses nothing of what a site's queue held.

Two real mosquittos. The hub's side takes batches by the hub's own rule (its ledger), and drops as
hub/ingest does when too much waits: confirmed to its broker, not in the database, no `$ack`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter

import pytest

from contracts import messages
from hub.mqtt.endpoint import Endpoint
from hub.mqtt.ledger import Ledger
from hub.sites.forward import Forward, ForwardSettings
from hub.sites.unacknowledged import Unacknowledged
from hub.sites.waiting import WaitingMessages
from tests.support.broker import open_broker, until
from tests.support.mqtt311 import Client

SERIES = "TemperatureSensor/CurrentTemperature"
BOOTS = ("0badcafe", "0badf00d")
MANY = 70


class Hub:
    """What of the hub is behind its broker; `drops` says which batches it drops.

    `most` is how many different batches of a device it had that it had not acknowledged.
    """

    def __init__(self, client: Client, drops) -> None:
        self.client, self._drops, self.ledger = client, drops, Ledger()
        self.stored: set[tuple[str, str, int]] = set()
        self.came: list[tuple[str, str, int]] = []
        self.most: Counter[str] = Counter()
        self.dropped = 0
        self._open: dict[str, set[tuple[str, int]]] = {}
        self._acknowledged: dict[tuple[str, str], int] = {}

    async def run(self) -> None:
        read = 0
        while True:
            await self.client.heard.wait()
            self.client.heard.clear()
            due: dict[str, tuple[str, int]] = {}
            for topic, payload, _ in self.client.got[read:]:
                read += 1
                if topic.endswith("/$batch"):
                    batch = messages.parse(topic, payload)
                    if seq := self._take(batch):
                        # As the hub: the latest of each device, and no other.
                        due[batch.device] = batch.boot, seq
            for device, (boot, seq) in due.items():
                await self.acknowledge(device, boot, seq)

    def _take(self, batch) -> int:
        self.came.append((batch.device, batch.boot, batch.last))
        known = self._open.setdefault(batch.device, set())
        if batch.last > self._acknowledged.get((batch.device, batch.boot), 0):
            known.add((batch.boot, batch.last))
        self.most[batch.device] = max(self.most[batch.device], len(known))
        if self._drops(batch):
            self.dropped += 1
            return 0
        self.stored |= {(batch.device, batch.boot, entry.seq) for entry in batch.entries}
        seq = self.ledger.account(batch.device, batch.boot, batch.after, batch.last)
        if seq:
            self._acknowledged[batch.device, batch.boot] = seq
            known -= {(boot, last) for boot, last in known if boot == batch.boot and last <= seq}
        return seq

    async def acknowledge(self, device: str, boot: str, seq: int) -> None:
        said = json.dumps({"boot": boot, "seq": seq, "batch": 2})
        await self.client.publish(f"HomeKit/{device}/$ack", said, retain=True)


@contextlib.asynccontextmanager
async def a_hub(port, drops):
    async with await Client.connect("127.0.0.1", port, keep_alive=600) as client:
        await client.subscribe("HomeKit/#")
        hub = Hub(client, drops)
        work = asyncio.create_task(hub.run())
        try:
            yield hub
            assert not work.done(), work
        finally:
            work.cancel()
            await asyncio.wait([work])


@contextlib.asynccontextmanager
async def two_brokers(short_tmp, devices):
    for name in ("here", "hub"):
        (short_tmp / name).mkdir()
    async with open_broker(short_tmp / "here") as here, open_broker(short_tmp / "hub") as hub:
        ends = [Endpoint.of(f"mqtt://forwarder:x@127.0.0.1:{port}") for port in (hub, here)]
        yield hub, ForwardSettings(*ends, devices)


@contextlib.asynccontextmanager
async def forwarding(settings, waiting):
    work = asyncio.create_task(Forward(settings, waiting).run())
    try:
        yield
        assert not work.done(), work
    finally:
        work.cancel()
        await asyncio.wait([work])


def said(boot, seq):
    whole = {"boot": boot, "up": 60 * seq, "after": seq - 1, "readings": [[seq, 0, SERIES, 20]]}
    return json.dumps(whole).encode()


def say(waiting, device, boot, seq):
    """It waits since before the program began."""
    waiting.put(f"HomeKit/{device}/$batch", said(boot, seq), 1, retain=False)


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(Unacknowledged, "FIRST_S", 0.3)
    monkeypatch.setattr(Unacknowledged, "LONGEST_S", 0.6)
    # Until a test says otherwise nobody is given up, however slow the machine is.
    monkeypatch.setattr(Unacknowledged, "PASSED_OVER", 1_000_000)
    monkeypatch.setattr(Unacknowledged, "SILENT", 1_000_000)


async def test_nothing_is_lost_to_a_hub_that_drops_nor_to_a_restart(short_tmp, tmp_path):
    seed = random.randrange(10_000)
    rng = random.Random(seed)
    wanted = {(d, boot, seq) for d in "ab" for boot in BOOTS for seq in range(1, MANY + 1)}
    async with two_brokers(short_tmp, ("a", "b")) as (port, settings):
        with WaitingMessages(tmp_path / "waiting") as waiting:
            for device, boot, seq in sorted(wanted):
                say(waiting, device, boot, seq)
            async with a_hub(port, lambda _: rng.random() < 0.25) as hub:
                async with forwarding(settings, waiting):
                    await until(lambda: len(hub.stored) > MANY // 2)
                assert waiting.count()
                async with forwarding(settings, waiting):
                    await until(lambda: not waiting.count())
    print(
        f"\nseed {seed}: {len(hub.came)} came of {len(wanted)}, {hub.dropped} dropped, {hub.most}"
    )
    assert hub.stored == wanted
    assert hub.dropped > MANY // 4
    assert max(hub.most.values()) <= Unacknowledged.WINDOW


async def test_what_the_hub_has_said_before_is_not_brought(short_tmp, tmp_path):
    async with two_brokers(short_tmp, ("a",)) as (port, settings):
        with WaitingMessages(tmp_path / "waiting") as waiting:
            for seq in range(1, MANY + 1):
                say(waiting, "a", BOOTS[0], seq)
            async with a_hub(port, lambda _: False) as hub:
                # Retained: from before the forwarder was there.
                hub.ledger.account("a", BOOTS[0], 0, MANY - 5)
                await hub.acknowledge("a", BOOTS[0], MANY - 5)
                async with forwarding(settings, waiting):
                    await until(lambda: not waiting.count())
    came = {seq for _, _, seq in hub.came}
    assert came >= set(range(MANY - 4, MANY + 1))
    # All but those that may be under way when it is heard.
    assert not came & set(range(Unacknowledged.WINDOW + 1, MANY - 4))


async def test_a_device_that_is_never_acknowledged_holds_nobody_up(
    short_tmp, tmp_path, monkeypatch
):
    async with two_brokers(short_tmp, ("bad", "good")) as (port, settings):
        with WaitingMessages(tmp_path / "waiting") as waiting:
            for seq in range(1, MANY + 1):
                say(waiting, "bad", BOOTS[0], seq)
            waiting.put("HomeKit/bad/$report", b"the last", 1, retain=False)
            for seq in range(1, MANY + 1):
                say(waiting, "good", BOOTS[0], seq)
            async with (
                a_hub(port, lambda batch: batch.device == "bad") as hub,
                forwarding(settings, waiting),
            ):
                await until(lambda: len(hub.stored) == MANY)
                assert hub.most["bad"] <= Unacknowledged.WINDOW
                await until(lambda: not waiting.first("good"))
                assert waiting.count() == MANY + 1
                monkeypatch.setattr(Unacknowledged, "PASSED_OVER", 3)
                here = settings.here
                async with await Client.connect(here.host, here.port, keep_alive=600) as device:
                    for seq in range(MANY + 1, 1000):
                        # The hub goes on with the other one.
                        await device.publish("HomeKit/good/$batch", said(BOOTS[0], seq))
                        await asyncio.sleep(0.2)
                        if not waiting.first("bad"):
                            break
                await until(lambda: any(one[1] == b"the last" for one in hub.client.got))
    assert {seq for device, _, seq in hub.came if device == "bad"} == set(range(1, MANY + 1))
