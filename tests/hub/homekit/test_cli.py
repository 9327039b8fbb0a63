"""`dormouse homekit ...` against a running bridge, over the private socket."""

from __future__ import annotations

import asyncio
import json

import pytest
from typer.testing import CliRunner

from contracts.local_hub import SOCKET
from host.cli import root
from hub.api.application import api
from hub.api.operator import OperatorDoor
from hub.homekit.pair_setup import MAX_FAILURES
from hub.homekit.routes import routes
from hub.homekit.service import HomeKitService
from hub.web.server import HttpServer, private_socket


@pytest.fixture
async def dormouse(home, tmp_path):
    """Run the command line: (exit status, what it said)."""

    async def tenants() -> list[str]:
        return ["home"]

    door = OperatorDoor(
        api([routes(HomeKitService(lambda: {"home": home.bridge}))]),
        tenant="home",
        tenant_of=lambda _: "home",
        tenants=tenants,
    )
    runner = CliRunner()

    async def run(*args: str) -> tuple[int, str]:
        argv = ["homekit", *args, "--data-dir", str(tmp_path)]
        done = await asyncio.to_thread(runner.invoke, root("homekit"), argv)
        return done.exit_code, done.output + (str(done.exception) if done.exit_code else "")

    async with HttpServer(door, private_socket(tmp_path / SOCKET)):
        yield run


async def test_qr_and_pairings(home, dormouse):
    [info] = home.bridge.pairings()
    status, said = await dormouse("qr")
    assert status == 0
    assert info.pin in said
    assert "█" in said
    status, said = await dormouse("pairings")
    assert "not paired" in said
    phone = await home.phone()
    status, said = await dormouse("pairings", "--json")
    [told] = json.loads(said)
    assert told["controllers"] == [phone.pairing.pairing_data["iOSPairingId"]]


async def test_unpair(home, dormouse):
    phone = await home.phone()
    me = phone.pairing.pairing_data["iOSPairingId"]
    status, said = await dormouse("unpair", "nobody")
    assert status != 0
    assert "no controller 'nobody' is paired" in said
    status, said = await dormouse("unpair")
    assert status == 2
    status, said = await dormouse("unpair", me)
    assert (status, said) == (0, "1 unpaired\n")
    assert home.bridge.pairings()[0].controllers == ()
    assert home.quiet.txt("sf") == "1"
    await home.phone()


async def test_unlock(home, dormouse):
    setup = home.bridge.tree.drivers[0].pair_setup
    status, said = await dormouse("pairings")
    assert "locked" not in said
    for _ in range(MAX_FAILURES):
        setup.failed("10.0.0.9")
    for command in ("pairings", "qr"):
        status, said = await dormouse(command)
        assert status == 0
        assert "locked after 100 wrong codes" in said
        assert "`dormouse homekit unlock`" in said
    status, said = await dormouse("unlock")
    assert (status, said) == (0, "1 unlocked\n")
    status, said = await dormouse("pairings")
    assert "locked" not in said
    await home.phone()


async def test_accessories(home, dormouse):
    home.say("esp_1/TemperatureSensor/CurrentTemperature", "20.5")
    home.say("esp_2/BatteryService/StatusLowBattery", "1")
    await home.shown(lambda bridge: bridge.has("esp_1"))
    status, said = await dormouse("accessories")
    assert status == 0
    assert "esp 1 (esp_1)" in said
    assert "TemperatureSensor: CurrentTemperature 20.5" in said
    assert "esp_2 BatteryService.0: waits for BatteryLevel" in said
    status, said = await dormouse("remove", "esp_1")
    assert status == 0
    status, said = await dormouse("remove", "esp_1")
    assert status != 0
    assert "HomeKit has no device 'esp_1'" in said
    status, said = await dormouse("accessories", "--tenant", "school")
    assert status != 0
    assert "no tenant 'school'" in said
