"""What leaves stays away until it is heard live; names are cleaned; silence is by rule."""

from __future__ import annotations

import pytest

from contracts.homekit.definitions import INFORMATION
from hub.homekit.presence import Patience, Presence
from hub.mapping.rules import Mapping
from tests.hub.homekit.conftest import Home
from tests.support.controller import value_in


@pytest.fixture
async def homie():
    home = Home(Mapping(presets=("homie", "zigbee2mqtt", "tasmota")))
    await home.bridge.start()
    yield home
    for phone in home.phones:
        await phone.close()
    await home.bridge.stop()


async def test_an_emptied_homie_property_takes_its_service_away(homie):
    homie.hear("homie/box/$state", "ready", retained=True)
    homie.hear("homie/box/in/temperature", "20", retained=True)
    homie.hear("homie/box/out/temperature", "5", retained=True)
    phone = await homie.phone()
    await phone.wait_for("box", "TemperatureSensor", "CurrentTemperature", 1)
    before = await phone.find("box", "TemperatureSensor", "CurrentTemperature", 1)
    homie.hear("homie/box/out/temperature", "")
    await homie.settled()
    assert await phone.find("box", "TemperatureSensor", "CurrentTemperature", 1) is None
    assert await phone.find("box", "TemperatureSensor", "CurrentTemperature") is not None
    # A retained message brings nothing back, not after a restart either.
    homie.hear("homie/box/out/temperature", "5", retained=True)
    await homie.restart()
    homie.hear("homie/box/out/temperature", "5", retained=True)
    await homie.settled()
    [phone] = homie.phones
    assert await phone.find("box", "TemperatureSensor", "CurrentTemperature", 1) is None
    homie.hear("homie/box/out/temperature", "6")
    place = await phone.wait_for("box", "TemperatureSensor", "CurrentTemperature", 1)
    assert place == before, "it is the same again"
    assert await phone.read(place) == 6
    homie.check()


async def test_an_emptied_state_takes_the_device_away(homie):
    homie.hear("homie/box/in/temperature", "20")
    homie.hear("homie/box/lamp/on", "true")
    phone = await homie.phone()
    await phone.wait_for("box", "Switch", "On")
    homie.hear("homie/box/$state", "")
    homie.hear("homie/box/in/temperature", "")
    await homie.settled()
    assert not homie.bridge.has("box")
    homie.hear("homie/box/lamp/on", "true", retained=True)
    await homie.restart()
    homie.hear("homie/box/lamp/on", "true", retained=True)
    await homie.settled()
    assert not homie.bridge.has("box"), "what is replayed is no sign of life"
    homie.hear("homie/box/lamp/on", "false")
    [phone] = homie.phones
    assert await phone.read(await phone.wait_for("box", "Switch", "On")) is False


async def test_the_last_service_takes_the_device_with_it(homie):
    homie.hear("homie/box/in/temperature", "20")
    phone = await homie.phone()
    await phone.wait_for("box", "TemperatureSensor", "CurrentTemperature")
    homie.hear("homie/box/in/temperature", "")
    await homie.settled()
    assert not homie.bridge.has("box")
    assert len(await phone.tree()) == 1


async def test_a_lamp_that_was_taken_for_a_switch(homie):
    homie.hear("stat/lamp/POWER", "ON")
    phone = await homie.phone()
    await phone.wait_for("lamp", "Switch", "On")
    homie.hear("tele/lamp/STATE", '{"POWER": "ON", "Dimmer": 50}')
    place = await phone.wait_for("lamp", "Lightbulb", "Brightness")
    assert await phone.read(place) == 50
    assert await phone.find("lamp", "Switch", "On") is None
    homie.check()


async def test_an_accessory_of_ours_that_was_removed(home):
    home.hear("HomeKit/esp/Switch/On", "1")
    home.hear("HomeKit/esp/Switch/1/On", "1")
    phone = await home.phone()
    place = await phone.wait_for("esp", "Switch", "On", 1)
    home.hear("HomeKit/esp/Switch/1/On", "")
    await home.settled()
    assert not home.bridge.has("esp")
    home.hear("HomeKit/esp/Switch/On", "1", retained=True)
    await home.settled()
    assert not home.bridge.has("esp")
    home.hear("HomeKit/esp/Switch/On", "1")
    home.hear("HomeKit/esp/Switch/1/On", "1")
    assert await phone.wait_for("esp", "Switch", "On", 1) == place


@pytest.mark.parametrize("name", ["Name", "Model", "FirmwareRevision"])
async def test_an_empty_name_removes_nothing(home, name):
    home.hear("HomeKit/esp/Switch/On", "1")
    home.hear(f"HomeKit/esp/{INFORMATION}/Name", "Pump")
    phone = await home.phone()
    await phone.wait_for("esp", "Switch", "On")
    home.hear(f"HomeKit/esp/{INFORMATION}/{name}", "")
    await home.settled()
    assert home.bridge.has("esp")
    [_, accessory] = await phone.tree()
    assert value_in(accessory, INFORMATION, "Name") == "Pump"


async def test_names_are_cleaned_told_and_distinct(home):
    home.hear(f"HomeKit/a/{INFORMATION}/Name", "Attic!")
    home.hear(f"HomeKit/b/{INFORMATION}/Name", "\N{MOUSE} Attic")
    home.hear(f"HomeKit/c/{INFORMATION}/Name", "Ann's lamp")
    for device in "abc":
        home.hear(f"HomeKit/{device}/Switch/On", "1")
    phone = await home.phone()
    for device in "abc":
        await phone.wait_for(f"{device}.", "Switch", "On")
    names = [value_in(a, INFORMATION, "Name") for a in await phone.tree()]
    assert names == ["Dormouse", "Attic", "Attic 2", "Ann's lamp"]
    assert home.problems.total["name"] == 2
    assert "'Attic!' is shown as 'Attic'" in home.problems.of("a")["name"].detail
    home.check()


async def test_a_firmware_revision_with_something_around_it(home):
    home.hear(f"HomeKit/esp/{INFORMATION}/FirmwareRevision", "12.3.1(tasmota)")
    home.hear("HomeKit/esp/Switch/On", "1")
    phone = await home.phone()
    place = await phone.wait_for("esp", INFORMATION, "FirmwareRevision")
    assert await phone.read(place) == "12.3.1"


def test_silence_is_by_rule():
    now = [1000.0]
    rules = {"quiet": 25 * 3600.0}
    patience = Patience(unseen=3600)
    quiet = Presence("quiet", patience, lambda: now[0], rules.get)
    other = Presence("other", patience, lambda: now[0], rules.get)
    for presence in (quiet, other):
        presence.received()
    now[0] += 24 * 3600
    assert (quiet.available, other.available) == (True, False)
    now[0] += 2 * 3600
    assert not quiet.available


def test_a_device_of_which_nobody_knows_any_more_is_late_as_any_other():
    now = [1000.0]
    presence = Presence("a", Patience(unseen=3600), lambda: now[0])
    presence.is_online(True, live=True)
    now[0] += 7200
    assert presence.available
    presence.is_online(False, live=True)
    assert not presence.available
    presence.is_online(None, live=True)
    assert not presence.available, "it has been silent for two hours"
    presence.received()
    assert presence.available
    assert not presence.unreachable


async def test_a_battery_device_behind_a_gateway(homie):
    homie.hear("zigbee2mqtt/Attic sensor", '{"temperature": 20, "battery": 90}')
    homie.hear("zigbee2mqtt/bridge/state", '{"state": "offline"}')
    await homie.shown(lambda bridge: not bridge.available("Attic_sensor"))
    homie.hear("zigbee2mqtt/bridge/state", '{"state": "online"}')
    await homie.shown(lambda bridge: bridge.available("Attic_sensor"))
    assert homie.translator.silent_after("Attic_sensor") == 25 * 3600
