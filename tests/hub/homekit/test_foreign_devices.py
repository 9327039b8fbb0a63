"""Devices that other programs describe: what can only be read, and names that change."""

from __future__ import annotations

import json

import pytest

from contracts.reading import SeriesKey
from hub.devices.service import DeviceService
from hub.homekit.service import HomeKitService
from hub.mapping.rules import Mapping
from tests.hub.homekit.test_ranges import declared
from tests.support.controller import Refused

READ_ONLY = -70404


async def test_what_its_device_lets_nobody_set(make):
    home = await make(rules=Mapping(presets=("homie",)))
    home.hear("homie/box/lamp/on", "true")
    phone = await home.phone()
    place = await phone.wait_for("box", "Switch", "On")
    await phone.write(place, False)
    assert (await home.sent.get())[1] == "0"
    home.hear("homie/box/lamp/on", "false")
    home.hear("homie/box/lamp/on/$settable", "false")
    await home.settled()
    assert (await declared(phone, "box", "Switch", "On"))["perms"] == ["pr", "ev"]
    with pytest.raises(Refused) as refused:
        await phone.write(place, True)
    assert refused.value.status == READ_ONLY
    assert home.sent.empty()
    assert await phone.read(place) is False
    home.check()
    lamp = SeriesKey("box", "Switch", 0, "On")
    devices = DeviceService(None, HomeKitService(lambda: {"home": home.bridge}))
    assert not devices.settable("home", lamp), "neither pages nor the API offer it"
    home.hear("homie/box/lamp/on/$settable", "true")
    assert devices.settable("home", lamp)
    await home.settled()
    assert await phone.find("box", "Switch", "On") == place, "its ids stay"
    await phone.write(place, True)
    assert (await home.sent.get())[1] == "1"


async def test_a_device_that_is_called_otherwise_is_the_same_accessory(make):
    """As Zigbee2MQTT does it: the old name's availability goes, the list comes, then the state."""
    home = await make(rules=Mapping(presets=("zigbee2mqtt",)))

    def listing(name):
        definition = {"model": "E1743", "vendor": "IKEA", "exposes": []}
        return json.dumps([
            {"friendly_name": name, "ieee_address": "0x00158d0001a2b3c4", "definition": definition}
        ])  # fmt: skip

    home.hear("zigbee2mqtt/bridge/devices", listing("Hall/Lamp"), retained=True)
    home.hear("zigbee2mqtt/Hall/Lamp", '{"state": "ON", "brightness": 254}')
    phone = await home.phone()
    place = await phone.wait_for("Hall_Lamp", "Lightbulb", "Brightness")
    before = dict(home.bridge.tree.identities.accessories["Hall_Lamp"].iids)
    home.hear("zigbee2mqtt/Hall/Lamp/availability", "")
    home.hear("zigbee2mqtt/Desk/availability", '{"state": "online"}')
    await home.settled()
    assert await phone.find("Hall_Lamp", "Lightbulb", "Brightness") == place, "never away"
    home.hear("zigbee2mqtt/bridge/devices", listing("Desk"))
    home.hear("zigbee2mqtt/Desk", '{"state": "ON", "brightness": 127}')
    await home.settled()
    assert await phone.read(place) == 50
    assert await phone.find("Hall_Lamp", "Lightbulb", "Brightness") == place
    assert list(home.bridge.tree.models) == ["Hall_Lamp"]
    after = home.bridge.tree.identities.accessories["Hall_Lamp"].iids
    assert before.items() <= after.items()
    assert home.bridge.names()["Hall_Lamp"] == "Desk"
    await phone.write(place, 20)
    assert home.translator.command(*await home.sent.get())[0] == "zigbee2mqtt/Desk/set"
    home.check()


async def test_kinds_of_devices_of_several_programs_at_once(make):
    """What a controller sees and sends of each, all heard by one hub."""
    home = await make(rules=Mapping(presets=("zigbee2mqtt", "esphome", "shelly")))
    purifier = {"fan_state": "ON", "fan_mode": "auto", "fan_speed": 9, "replace_filter": False}
    home.hear("zigbee2mqtt/Slats", '{"position": 40, "tilt": 0}')
    home.hear("zigbee2mqtt/Purifier", json.dumps(purifier))
    home.hear("zigbee2mqtt/Door", '{"state": "LOCK", "lock_state": "locked"}')
    home.hear("esp/alarm_control_panel/house/state", "armed_away")
    home.hear("wall/status/thermostat:0", json.dumps(
        {"id": 0, "enable": True, "target_C": 5.5, "current_C": 18, "output": True}))  # fmt: skip
    phone = await home.phone()
    tilt = await phone.wait_for("Slats", "WindowCovering", "TargetHorizontalTiltAngle")
    target = await phone.find("esp", "SecuritySystem", "SecuritySystemTargetState")
    lock = await phone.find("Door", "LockMechanism", "LockTargetState")
    speed = await phone.find("Purifier", "AirPurifier", "RotationSpeed")
    assert [await phone.read(one) for one in (tilt, target, lock, speed)] == [-90, 1, 1, 100]
    thermostat = [
        await phone.read(await phone.find("wall", "Thermostat", name))
        for name in ("TargetTemperature", "CurrentTemperature", "TargetHeatingCoolingState")
    ]
    assert thermostat == [5.5, 18, 1]

    async def told(place, value):
        await phone.write(place, value)
        topic, payload = home.translator.command(*await home.sent.get())
        return topic, json.loads(payload) if payload.startswith("{") else payload

    assert await told(tilt, 45) == ("zigbee2mqtt/Slats/set", {"tilt": 75})
    assert await told(lock, 0) == ("zigbee2mqtt/Door/set", {"state": "UNLOCK"})
    assert await told(target, 3) == ("esp/alarm_control_panel/house/command", "DISARM")
    # The bolt sticks, the slats are on their way, somebody breaks in before it is disarmed.
    home.hear("zigbee2mqtt/Door", '{"state": "UNLOCK", "lock_state": "not_fully_locked"}')
    home.hear("zigbee2mqtt/Slats", '{"position": 40, "tilt": 30}')
    home.hear("esp/alarm_control_panel/house/state", "triggered")
    await home.settled()
    assert [await phone.read(one) for one in (tilt, target, lock)] == [45, 3, 0]
    current = [
        await phone.read(await phone.find(*place))
        for place in (
            ("Door", "LockMechanism", "LockCurrentState"),
            ("Slats", "WindowCovering", "CurrentHorizontalTiltAngle"),
            ("esp", "SecuritySystem", "SecuritySystemCurrentState"),
        )
    ]
    assert current == [2, -36, 4]
    home.check()
