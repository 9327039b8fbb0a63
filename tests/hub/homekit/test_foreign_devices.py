"""Devices that other programs describe: what can only be read, and names that change."""

from __future__ import annotations

import json

import pytest

from contracts.reading import SeriesKey
from hub.devices.service import DeviceService
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
    devices = DeviceService(None, lambda: {"home": home.bridge})
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
