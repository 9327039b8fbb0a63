"""Each tenant's devices in that tenant's home, and in no other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contracts.reading import Reading, SeriesKey
from hub.homekit.bridge import Bridge
from hub.homekit.sets import BridgeSets
from tests.support.controller import MemoryState, Quiet


class KeptPorts:
    def __init__(self) -> None:
        self.kept: dict[str, int] = {}

    async def load(self, tenant: str) -> int:
        return self.kept.get(tenant, 0)

    async def save(self, tenant: str, port: int) -> None:
        self.kept[tenant] = port


async def _nothing(_key, _text):
    """Nobody writes in these tests."""


@pytest.fixture
async def make_sets():
    made = []
    states: dict[str, MemoryState] = {}
    ports = KeptPorts()
    fail: list[str] = []

    def bridge(tenant: str, port: int) -> Bridge:
        if tenant in fail:
            raise OSError("no network")
        state = states.setdefault(tenant, MemoryState())
        return Bridge(state, _nothing, host="127.0.0.1", port=port, zeroconf=Quiet(), settle=0.01)

    def make(**homes: str) -> BridgeSets:
        sets = BridgeSets(bridge, lambda device: homes.get(device, "home"), ports)
        sets.fail = fail
        made.append(sets)
        return sets

    yield make
    for sets in made:
        await sets.stop()


def _reading(device: str) -> Reading:
    key = SeriesKey(device, "TemperatureSensor", 0, "CurrentTemperature")
    return Reading(key, 20.5, datetime.now(UTC))


def _devices(bridge: Bridge) -> str:
    return str(bridge.accessories())


async def test_a_device_is_in_its_tenants_home_alone(make_sets, pair):
    sets = make_sets(surf="beach")
    await sets.start("home", "beach")
    sets.update(_reading("cellar"), live=True)
    sets.update(_reading("surf"), live=True)
    for tenant, own, other in (("home", "cellar", "surf"), ("beach", "surf", "cellar")):
        info = sets.running()[tenant].pairings()[0]
        phone = await pair("127.0.0.1", info.port, info.pin)
        await phone.wait_for(own, "TemperatureSensor", "CurrentTemperature")
        assert await phone.find(other, "TemperatureSensor", "CurrentTemperature") is None
    ports = [bridge.pairings()[0].port for bridge in sets.running().values()]
    pins = [bridge.pairings()[0].pin for bridge in sets.running().values()]
    assert len(set(ports)) == len(set(pins)) == 2


async def test_a_new_tenants_first_device_waits_for_its_bridges(make_sets, pair):
    sets = make_sets(surf="beach")
    await sets.start("home")
    sets.update(_reading("surf"), live=True)
    sets.online("surf", True, live=True)
    await sets._starting["beach"]
    info = sets.running()["beach"].pairings()[0]
    phone = await pair("127.0.0.1", info.port, info.pin)
    await phone.wait_for("surf", "TemperatureSensor", "CurrentTemperature")


async def test_a_tenants_port_is_the_same_after_a_restart(make_sets):
    first = make_sets(surf="beach")
    await first.start("beach")
    before = first.running()["beach"].pairings()[0]
    await first.stop()
    again = make_sets(surf="beach")
    await again.start("beach")
    after = again.running()["beach"].pairings()[0]
    assert (after.port, after.pin, after.uri) == (before.port, before.pin, before.uri)


async def test_bridges_that_could_not_start_are_tried_again(make_sets, caplog):
    sets = make_sets(surf="beach")
    sets.fail.append("beach")
    sets.update(_reading("surf"), live=True)
    await sets._starting["beach"]
    assert "did not start: no network" in caplog.text
    assert "beach" not in sets.running()
    sets.fail.clear()
    sets.update(_reading("surf"), live=True)
    await sets._starting["beach"]
    assert "beach" in sets.running()
