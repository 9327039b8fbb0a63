"""Whole virtual devices through an update: command, hand-over, bootloader, stream, first report."""

from __future__ import annotations

import asyncio
import json
import secrets
import struct

import pytest

from contracts.versions import Version
from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind
from host.twin.statistics import TwinState
from tests.firmware.conftest import takes
from tests.firmware.updates import stream
from tests.support.broker import until

# How long the OTA server waits for a first packet: on a busy machine, and where none comes.
IDLE_MS, SHORT_MS = 30_000, 500


class Hub:
    """What of a hub an update needs: it commands, clears, streams."""

    def __init__(self, twin, ears, updates) -> None:
        self.twin = twin
        self.ears = ears
        self.updates = updates
        self.topic = f"HomeKit/{twin.id}/"

    def said(self) -> list[dict]:
        """Every `$ota/state`."""
        return [json.loads(one) for one in self.ears.payloads(self.topic + "$ota/state")]

    def states(self) -> list[str]:
        return [" ".join(filter(None, (one["state"], one.get("reason")))) for one in self.said()]

    def reports(self) -> list[dict]:
        return [json.loads(one) for one in self.ears.payloads(self.topic + "$report")]

    async def command(self, number: int, version: str) -> None:
        said = {"id": number, "version": version, "board": "twin", "size": 300_000}
        await self.ears.source.publish(self.topic + "$ota", json.dumps(said), retain=True)

    async def let_begin(self) -> str:
        """Clear the command once the device has accepted it; the address that it gave."""
        seen = len(self.said())
        await until(lambda: "accepted" in self.states()[seen:], within=60)
        await self.go()
        await self.twin.until(lambda now: now.state is TwinState.UPDATING, within=60)
        return self.said()[-2 if self.states()[-1] == "updating" else -1]["address"]

    async def go(self) -> None:
        """Clear the command."""
        await self.ears.source.publish(self.topic + "$ota", b"", retain=True)

    def stream(self, address: str, image: bytes, datagrams: int | None = None) -> None:
        """Stream it into the OTA server at `address`; only the first datagrams if asked."""
        stream(address, image, self.updates.key, datagrams)


@pytest.fixture
def start(accounts, broker, ears, make_twin, updatable):
    """Starts a twin of version 1.0.0 and gives its hub."""
    address = HubAddress("127.0.0.1", broker.endpoint.port, broker.enrol_endpoint.port)

    async def run(kind: TwinKind, *, idle_ms: int = IDLE_MS, **options) -> Hub:
        rom = updatable.options("1.0.0", idle_restart_ms=idle_ms)
        twin = make_twin(kind, address, **rom, **options)
        password = secrets.token_hex(16)
        await accounts.provision(twin.id, "home", password)
        await until(lambda: takes(broker.endpoint.port, twin.id, password))
        twin.flash.mkdir(parents=True)
        (twin.flash / "password").write_text(password)
        await twin.start()
        return Hub(twin, ears, updatable)

    return run


@pytest.mark.parametrize("kind", [TwinKind.DS18B20, TwinKind.SWITCH])
async def test_asleep_or_awake_it_comes_back_as_version_2(start, updatable, kind):
    hub = await start(kind, interval=1)
    await until(lambda: bool(hub.reports()))
    await hub.command(1, "2.0.0")
    address = await hub.let_begin()
    assert address == hub.twin.rom.address.text
    await asyncio.to_thread(hub.stream, address, updatable.image("2.0.0"))
    await until(lambda: "updated" in hub.states(), within=60)
    assert hub.states() == ["accepted", "updating", "updated"]
    assert [one["version"] for one in hub.said()] == ["1.0.0", "1.0.0", "2.0.0"]
    await until(lambda: hub.reports()[-1]["firmware"] == "2.0.0")
    assert len({one["boot"] for one in hub.reports()}) == 1
    assert hub.twin.statistics.failures == 0


async def test_nobody_streams_and_it_says_that_nothing_changed(start):
    hub = await start(TwinKind.DS18B20, interval=1, idle_ms=SHORT_MS)
    await hub.command(1, "2.0.0")
    await until(lambda: "accepted" in hub.states(), within=60)
    await hub.go()
    await until(lambda: hub.states()[-1].startswith("failed"), within=60)
    assert hub.states() == ["accepted", "updating", "failed unchanged"]


async def test_one_that_lies_about_its_version_is_found_out(start, updatable):
    hub = await start(TwinKind.DS18B20, interval=1)
    await hub.command(1, "2.0.0")
    address = await hub.let_begin()
    lying = updatable.image("2.0.0", says="1.5.0")
    await asyncio.to_thread(hub.stream, address, lying)
    await until(lambda: hub.states()[-1].startswith("failed"), within=60)
    assert hub.states()[-1] == "failed version"
    assert hub.said()[-1]["version"] == "1.5.0"


async def test_a_recorded_update_is_worth_nothing_once_a_newer_one_is_confirmed(start, updatable):
    hub = await start(TwinKind.DS18B20, interval=1)
    await until(lambda: bool(hub.reports()))
    await until(lambda: counters(hub.twin) == [Version(1, 0, 0).number])
    await hub.command(1, "2.0.0")
    address = await hub.let_begin()
    await asyncio.to_thread(hub.stream, address, updatable.image("2.0.0"))
    await until(lambda: "updated" in hub.states(), within=60)
    await until(lambda: len(counters(hub.twin)) == 2)
    assert counters(hub.twin) == [Version(1, 0, 0).number, Version(2, 0, 0).number]
    # Whoever has the device's account sends it into its OTA server, and plays what was recorded.
    await hub.command(2, "9.9.9")
    address = await hub.let_begin()
    await asyncio.to_thread(hub.stream, address, updatable.image("1.0.0"))
    await until(lambda: hub.twin.rom.decision.get("app") == "rolled-back", within=60)
    await hub.twin.until(lambda now: now.state is TwinState.UPDATING)
    # It waits for the hub's, and takes that.
    await asyncio.to_thread(hub.stream, address, updatable.image("2.0.0"))
    await until(lambda: hub.states()[-1].startswith("failed"), within=60)
    assert hub.reports()[-1]["firmware"] == "2.0.0"
    assert len(counters(hub.twin)) == 2


def counters(twin) -> list[int]:
    """The security counters that its flash holds, in order."""
    place = twin.rom.file.read_bytes()[0x3C000 - 2048 : 0x3C000]
    return [a for a, b in struct.iter_unpack("<II", place) if a ^ b == 0xFFFFFFFF]


async def test_power_lost_while_streaming_costs_a_repetition_only(start, updatable):
    hub = await start(TwinKind.DS18B20, interval=1)
    await hub.command(1, "2.0.0")
    address = await hub.let_begin()
    image = updatable.image("2.0.0")
    # Past 0x9000, where the code begins: what is there now is no whole application.
    await asyncio.to_thread(hub.stream, address, image, 170)
    await hub.twin.power_cut()
    await hub.twin.until(lambda now: now.state is TwinState.UPDATING)
    assert hub.twin.rom.address.text == address
    await asyncio.to_thread(hub.stream, address, image)
    await until(lambda: "updated" in hub.states(), within=60)
    assert hub.states() == ["accepted", "updating", "updated"]
    stored = hub.twin.flash / "ota.json"
    # It stores what the broker has acknowledged.
    await until(lambda: json.loads(stored.read_text())["state"] == "updated")
