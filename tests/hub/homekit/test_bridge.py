"""Devices appear by themselves, answer honestly and are still themselves after a restart."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from contracts.homekit.definitions import INFORMATION
from contracts.reading import Identity, Reading, SeriesKey
from tests.support.controller import Refused


async def test_a_reading_becomes_an_accessory(home):
    phone = await home.phone()
    home.say("esp_1/TemperatureSensor/CurrentTemperature", "20.5")
    place = await phone.wait_for("esp_1", "TemperatureSensor", "CurrentTemperature")
    assert await phone.read(place) == 20.5
    home.say("esp_1/HumiditySensor/CurrentRelativeHumidity", "58")
    humidity = await phone.wait_for("esp_1", "HumiditySensor", "CurrentRelativeHumidity")
    assert humidity[0] == place[0], "a second service joins its accessory"
    assert await phone.read(humidity) == 58
    home.check()


async def test_restart_changes_nothing(home):
    phone = await home.phone()
    for device in ("bb", "aa", "cc"):
        home.say(f"{device}/TemperatureSensor/CurrentTemperature", "1.5")
        await phone.wait_for(device, "TemperatureSensor", "CurrentTemperature")
    home.say("aa/TemperatureSensor/StatusFault", "1")
    await phone.wait_for("aa", "TemperatureSensor", "StatusFault")
    before, pairing = await phone.tree(), home.bridge.pairings()[0]
    version = home.quiet.txt("c#")
    await home.restart()
    assert await home.phones[0].tree() == before
    after = home.bridge.pairings()[0]
    assert (after.pin, after.uri, after.controllers) == (
        pairing.pin,
        pairing.uri,
        pairing.controllers,
    )
    assert home.quiet.txt("c#") == version


async def test_a_write_reaches_the_device_and_comes_back(home):
    key = home.say("relay/Switch/On", "0")
    phone = await home.phone()
    place = await phone.wait_for("relay", "Switch", "On")
    await phone.subscribe(place)
    await phone.write(place, True)
    assert await home.sent.get() == (key, "1")
    assert await phone.read(place) is True
    home.say("relay/Switch/On", "1")
    home.say("relay/Switch/On", "0")
    # aiohomekit tells the writer's own write as an event first
    assert [await phone.event(place), await phone.event(place)] == [True, False]


async def test_pairing_code_and_setup_uri(home):
    [info] = home.bridge.pairings()
    assert info.uri.startswith("X-HM://")
    assert info.pin.count("-") == 2
    assert info.controllers == ()
    assert home.quiet.txt("sf") == "1"


async def test_an_offline_device_does_not_answer(home):
    home.say("relay/Switch/On", "0")
    home.bridge.online("relay", True, live=True)
    phone = await home.phone()
    place = await phone.wait_for("relay", "Switch", "On")
    assert await phone.read(place) is False
    home.bridge.online("relay", False, live=True)
    with pytest.raises(Refused) as refused:
        await phone.read(place)
    assert refused.value.status == -70402
    with pytest.raises(Refused) as refused:
        await phone.write(place, True)
    assert refused.value.status == -70402
    assert home.sent.empty()
    home.bridge.online("relay", True, live=True)
    assert await phone.read(place) is False


async def test_information(home):
    home.say(f"esp/{INFORMATION}/Name", "Attic")
    home.say(f"esp/{INFORMATION}/FirmwareRevision", "1.2.3")
    home.say("esp/TemperatureSensor/CurrentTemperature", "1")
    phone = await home.phone()
    place = await phone.wait_for("esp", INFORMATION, "Name")
    assert await phone.read(place) == "Attic"
    home.say(f"esp/{INFORMATION}/Name", "Cellar")
    await phone.until(place, lambda name: name == "Cellar")
    home.check()


async def test_removed_and_back(home):
    key = home.say("esp/TemperatureSensor/CurrentTemperature", "1")
    phone = await home.phone()
    place = await phone.wait_for("esp", "TemperatureSensor", "CurrentTemperature")
    home.bridge.remove(key)
    assert await phone.find("esp", "TemperatureSensor", "CurrentTemperature") is None
    home.say("other/TemperatureSensor/CurrentTemperature", "1")
    other = await phone.wait_for("other", "TemperatureSensor", "CurrentTemperature")
    assert other[0] != place[0], "an aid is never given to another device"
    home.say("esp/TemperatureSensor/CurrentTemperature", "1")
    assert await phone.wait_for("esp", "TemperatureSensor", "CurrentTemperature") == place


async def test_removed_twice_is_still_itself(home):
    key = home.say("esp/TemperatureSensor/CurrentTemperature", "1")
    phone = await home.phone()
    place = await phone.wait_for("esp", "TemperatureSensor", "CurrentTemperature")
    home.bridge.remove(key)
    await home.restart()
    home.bridge.remove(key)
    await home.restart()
    [phone] = home.phones
    home.say("esp/TemperatureSensor/CurrentTemperature", "1")
    assert await phone.wait_for("esp", "TemperatureSensor", "CurrentTemperature") == place


async def test_nothing_new_is_shown_while_its_ids_cannot_be_kept(home, caplog):
    home.say("known/Switch/On", "0")
    phone = await home.phone()
    known = await phone.wait_for("known", "Switch", "On")
    home.state.fail = True
    home.say("fresh/Switch/On", "1")
    home.say("known/Switch/On", "1")
    async with asyncio.timeout(60):
        while "cannot save its state" not in caplog.text:
            await asyncio.sleep(0.01)
    assert await phone.read(known) is True, "what is known goes on"
    assert await phone.find("fresh", "Switch", "On") is None
    home.state.fail = False
    place = await phone.wait_for("fresh", "Switch", "On")
    assert home.state.accessories["fresh"].aid == place[0]


async def test_a_pairing_is_kept_at_once(home):
    phone = await home.phone()
    me = phone.pairing.pairing_data["iOSPairingId"]
    async with asyncio.timeout(60):
        while not home.state.bridges[0].pairings:
            await asyncio.sleep(0.01)
    [pairing] = home.state.bridges[0].pairings
    assert (pairing.controller, pairing.admin) == (me, True)


async def test_what_was_dated_by_a_clock_that_was_set_back_holds_nothing_up(home):
    """The hub's clock was hours ahead when a device was heard; then it was set right."""
    now = datetime.now(UTC)
    temperature = SeriesKey("sensor", "TemperatureSensor", 0, "CurrentTemperature")
    numbers = (Identity("9f3a61c2", seq) for seq in range(1, 9))
    shown = []
    for value, at in (
        (20.0, now + timedelta(hours=3)),
        (21.0, now - timedelta(seconds=2)),
        (22.0, now - timedelta(seconds=1)),
        (19.0, now - timedelta(hours=1)),  # late: of an hour ago
    ):
        home.bridge.update(Reading(temperature, value, at, next(numbers)), live=True)
        shown.append(home.bridge.tree.model("sensor").value(temperature))
    assert shown == [20.0, 21.0, 22.0, 22.0]
