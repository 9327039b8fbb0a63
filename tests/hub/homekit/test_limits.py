"""More than HomeKit takes: services, accessories, names; and what stays the same meanwhile."""

from __future__ import annotations

import socket

import pytest

from contracts.homekit.definitions import INFORMATION
from hub.homekit.identity import Identities
from tests.hub.homekit.conftest import Home
from tests.support.controller import value_in
from tests.support.ports import claimed_port


async def test_an_accessory_that_grows_to_101_services(home):
    phone = await home.phone()
    for index in range(50):
        home.say(f"esp/Switch/{index}/On", "0")
    await phone.wait_for("esp", "Switch", "On", 49)
    before = {index: await phone.find("esp", "Switch", "On", index) for index in (0, 25, 49)}
    for index in range(100):
        home.say(f"esp/Outlet/{index}/On", "0")
    await phone.wait_for("esp", "Outlet", "On", 48)
    [_, accessory] = await phone.tree()
    assert len(accessory["services"]) == 100
    assert len(home.bridge.unshown()) == 51
    assert "100 services" in home.bridge.unshown()[0].reason
    for index, place in before.items():
        assert await phone.find("esp", "Switch", "On", index) == place
    home.check()


async def test_further_bridges_are_sticky(home):
    first = await home.phone()
    for n in range(160):
        home.say(f"esp_{n:03}/Switch/On", "0")
    await home.shown(lambda bridge: len(bridge.pairings()) == 2 and bridge.has("esp_159"))
    second = await home.phone(1)
    await second.wait_for("esp_159", "Switch", "On")
    on_first, on_second = await first.tree(), await second.tree()
    assert (len(on_first), len(on_second)) == (150, 12)
    names = [info.name for info in home.bridge.pairings()]
    assert names == ["Dormouse", "Dormouse 2"]
    assert home.bridge.pairings()[0].pin != home.bridge.pairings()[1].pin
    home.check()
    # One that leaves makes room for a new one, and does not move the others.
    home.bridge.remove("esp_005")
    home.say("esp_new/Switch/On", "0")
    place = await first.wait_for("esp_new", "Switch", "On")
    assert place[0] not in {accessory["aid"] for accessory in on_first}
    assert await second.tree() == on_second
    # Back again: its old place is taken, so it gets a new one, where there is room.
    home.say("esp_005/Switch/On", "0")
    await second.wait_for("esp_005", "Switch", "On")
    home.check()


async def test_a_further_bridge_whose_port_is_taken_takes_another():
    port = claimed_port(following=1)
    home = Home(port=port)
    await home.bridge.start()
    with socket.create_server(("127.0.0.1", port + 1)):
        for n in range(150):
            home.say(f"esp_{n:03}/Switch/On", "0")
        await home.shown(lambda bridge: len(bridge.pairings()) == 2)
        ports = [info.port for info in home.bridge.pairings()]
        assert ports[0] == port
        assert ports[1] not in {port, port + 1}
        phone = await home.phone(1)
        await phone.wait_for("esp_149", "Switch", "On")
    await phone.close()
    await home.bridge.stop()


def test_a_flood_of_devices_ends_at_the_last_bridge():
    ids = Identities([], [], max_bridges=2)
    placed = [ids.place(f"esp_{n}") for n in range(400)]
    assert sum(record is not None for record in placed) == 2 * 149
    aids = [(record.bridge, record.aid) for record in placed if record]
    assert len(set(aids)) == len(aids)
    assert not {1, 7} & {aid for _, aid in aids}


async def test_two_devices_that_claim_one_name(home):
    phone = await home.phone()
    for device in ("esp_1", "esp_2", "esp_3"):
        home.say(f"{device}/{INFORMATION}/Name", "Attic" if device != "esp_3" else "A" * 64)
        home.say(f"{device}/Switch/On", "0")
        await phone.wait_for(device, "Switch", "On")
    names = [value_in(a, INFORMATION, "Name") for a in await phone.tree()]
    assert names == ["Dormouse", "Attic", "Attic 2", "A" * 64]
    home.say(f"esp_1/{INFORMATION}/Name", "A" * 64)
    place = await phone.wait_for("esp_3", INFORMATION, "Name")
    name = await phone.until(place, lambda name: name != "A" * 64)
    assert name == "A" * 62 + " 2"
    home.check()


async def test_a_name_of_300_emoji(home):
    home.hear(f"HomeKit/esp/{INFORMATION}/Name", "\N{MOUSE}" * 200)
    home.hear("HomeKit/_/Switch/On", "1")
    phone = await home.phone()
    await phone.wait_for("_.", "Switch", "On")
    names = [value_in(a, INFORMATION, "Name") for a in await phone.tree()]
    assert names == ["Dormouse", "Device"]
    assert home.problems.total["length"] == 1


async def test_several_services_have_names_of_their_own(home):
    home.say("esp/Switch/0/On", "0")
    phone = await home.phone()
    await phone.wait_for("esp", "Switch", "On")
    assert await phone.find("esp", "Switch", "ConfiguredName") is None
    home.say("esp/Switch/1/On", "0")
    second = await phone.wait_for("esp", "Switch", "ConfiguredName", 1)
    first = await phone.find("esp", "Switch", "ConfiguredName", 0)
    assert [await phone.read(place) for place in (first, second)] == ["Switch 1", "Switch 2"]
    home.say("esp/Switch/1/ConfiguredName", "Pump")
    assert await phone.read(second) == "Pump"
    await phone.write(second, "Garden pump")
    home.say("esp/Switch/1/ConfiguredName", "Pump")
    assert await phone.read(second) == "Garden pump", "HomeKit's name outlives the device's"
    assert home.sent.empty()
    await home.restart()
    [phone] = home.phones
    assert await phone.read(second) == "Garden pump"


async def test_statuses_of_the_whole_device(home):
    home.say("esp/TemperatureSensor/CurrentTemperature", "20")
    home.say("esp/HumiditySensor/CurrentRelativeHumidity", "50")
    home.say("esp/BatteryService/BatteryLevel", "9")
    home.say("esp/BatteryService/StatusLowBattery", "1")
    home.say("esp/TemperatureSensor/StatusFault", "1")
    phone = await home.phone()
    for service in ("TemperatureSensor", "HumiditySensor", "BatteryService"):
        assert await phone.read(await phone.wait_for("esp", service, "StatusLowBattery")) == 1
    # A fault is one sensor's own.
    assert await phone.find("esp", "HumiditySensor", "StatusFault") is None
    home.say("esp/BatteryService/StatusLowBattery", "0")
    place = await phone.find("esp", "HumiditySensor", "StatusLowBattery")
    assert await phone.read(place) == 0
    home.check()


async def test_a_service_waits_for_its_main_characteristic(home):
    home.say("esp/Thermostat/TargetTemperature", "21")
    home.say("esp/Switch/On", "1")
    phone = await home.phone()
    await phone.wait_for("esp", "Switch", "On")
    assert await phone.find("esp", "Thermostat", "TargetTemperature") is None
    assert "waits for CurrentTemperature" in home.bridge.unshown()[0].reason
    home.say("esp/Thermostat/CurrentTemperature", "19.5")
    place = await phone.wait_for("esp", "Thermostat", "TargetTemperature")
    assert await phone.read(place) == 21
    mode = await phone.find("esp", "Thermostat", "TargetHeatingCoolingState")
    assert await phone.read(mode) == 0
    home.say("esp/Thermostat/CurrentHeatingCoolingState", "1")
    assert await phone.read(mode) == 1, "a target nobody told follows what is"
    assert home.bridge.unshown() == []
    home.check()


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("Dormouse " + "a" * 63, "Dormouse " + "a" * 39),
        ("Dormouse beach-", "Dormouse beach"),
        ("\N{MOUSE}", "Dormouse"),
        ("", "Dormouse"),
    ],
)
async def test_a_bridge_is_called_what_homekit_and_multicast_take(name, called):
    home = Home(name=name, zeroconf=None)
    await home.bridge.start()
    [info] = home.bridge.pairings()
    assert info.name == called
    phone = await home.phone()
    assert value_in((await phone.tree())[0], INFORMATION, "Name") == called
    home.check()
    await phone.close()
    await home.bridge.stop()
