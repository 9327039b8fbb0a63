"""Limits of single series: given by rule, widened by what a device says, never kept silently."""

from __future__ import annotations

import json

import pytest

from hub.mapping.rules import Mapping
from tests.hub.homekit.conftest import Home
from tests.support.controller import Refused

TARGET = "HomeKit/trv/Thermostat/TargetTemperature"
CURRENT = "HomeKit/trv/Thermostat/CurrentTemperature"


async def declared(phone, device, service, characteristic):
    """What the database says of a characteristic."""
    aid, iid = await phone.find(device, service, characteristic)
    for accessory in await phone.tree():
        for one in (c for s in accessory["services"] for c in s["characteristics"]):
            if (accessory["aid"], one["iid"]) == (aid, iid):
                return one
    raise AssertionError


async def of(rules):
    home = Home(Mapping.model_validate({"devices": {"trv": {"values": rules}}}))
    await home.bridge.start()
    home.hear(CURRENT, "19.5")
    home.hear(TARGET, "21")
    return home, await home.phone()


@pytest.fixture
async def stop():
    homes: list[Home] = []
    yield homes.append
    for home in homes:
        for phone in home.phones:
            await phone.close()
        await home.bridge.stop()


async def test_a_target_of_5_degrees(home):
    home.hear(CURRENT, "19.5")
    home.hear(TARGET, "21")
    phone = await home.phone()
    place = await phone.wait_for("trv", "Thermostat", "TargetTemperature")
    assert (await declared(phone, *TARGET.split("/")[1:]))["minValue"] == 10
    home.hear(TARGET, "5")
    await home.settled()
    assert await phone.read(place) == 5
    limits = await declared(phone, *TARGET.split("/")[1:])
    assert (limits["minValue"], limits["maxValue"]) == (5, 38)
    home.hear(TARGET, "22")
    await home.restart()
    [phone] = home.phones
    limits = await declared(phone, *TARGET.split("/")[1:])
    assert (limits["minValue"], limits["maxValue"]) == (5, 38), "a limit that moved stays"
    await phone.write(place, 6)
    assert (await home.sent.get())[1] == "6.0"
    home.check()
    assert home.problems.total == {}


async def test_limits_and_step_by_rule(stop):
    rule = {"minimum": 5, "maximum": 30, "step": 0.5}
    home, phone = await of({"Thermostat/TargetTemperature": rule})
    stop(home)
    place = await phone.wait_for("trv", "Thermostat", "TargetTemperature")
    limits = await declared(phone, "trv", "Thermostat", "TargetTemperature")
    assert [limits[name] for name in ("minValue", "maxValue", "minStep")] == [5, 30, 0.5]
    for said, shown, counted in (("5", 5, 0), ("4", 5, 1), ("30.5", 30, 2), ("20.3", 20.5, 2)):
        home.hear(TARGET, said)
        await home.settled()
        assert await phone.read(place) == shown
        assert home.problems.total["range"] == counted
    with pytest.raises(Refused):
        await phone.write(place, 31)
    home.check()


@pytest.mark.parametrize(
    "rule",
    [{"allowed": [0, 1]}, {"words": {"off": "0", "heat": "1"}}],
)
async def test_a_heat_only_valve_offers_heat_and_off(stop, rule):
    home, phone = await of({"Thermostat/TargetHeatingCoolingState": rule})
    stop(home)
    mode = "HomeKit/trv/Thermostat/TargetHeatingCoolingState"
    home.hear(mode, "heat")
    place = await phone.wait_for("trv", "Thermostat", "TargetHeatingCoolingState")
    offered = await declared(phone, "trv", "Thermostat", "TargetHeatingCoolingState")
    assert offered["valid-values"] == [0, 1]
    await phone.until(place, lambda value: value == 1)
    with pytest.raises(Refused):
        await phone.write(place, 2)
    home.hear(mode, "cool")
    assert home.problems.total["range"] == 1
    home.check()


@pytest.mark.parametrize(
    ("topic", "first", "beyond", "shown"),
    [
        ("HumiditySensor/CurrentRelativeHumidity", "50", "104", 100),
        ("HumiditySensor/CurrentRelativeHumidity", "50", "1000", 100),
        ("BatteryService/BatteryLevel", "50", "255", 100),
        ("Lightbulb/Brightness", "50", "101", 100),
        ("WindowCovering/CurrentPosition", "50", "-3", 0),
        ("TemperatureSensor/CurrentTemperature", "20", "-300", -273.1),
        ("LightSensor/CurrentAmbientLightLevel", "20", "130000", 130000),
        ("Lightbulb/ColorTemperature", "300", "100", 100),
        ("AirQualitySensor/VOCDensity", "300", "2500", 2500),
    ],
)
async def test_a_value_beyond_is_shown_at_the_limit_or_widens_it(home, topic, first, beyond, shown):
    service, characteristic = topic.split("/")
    if service == "Lightbulb":
        home.hear("HomeKit/esp/Lightbulb/On", "1")
    home.hear(f"HomeKit/esp/{topic}", first)
    phone = await home.phone()
    place = await phone.wait_for("esp", service, characteristic)
    home.hear(f"HomeKit/esp/{topic}", beyond)
    await home.settled()
    assert await phone.read(place) == shown
    assert home.problems.total["range"] == (0 if float(beyond) == shown else 1)
    assert home.stored[-1].value == shown, "one truth: the record says what is shown"
    home.check()


async def test_what_is_far_beyond_makes_no_accessory(home):
    home.hear("HomeKit/esp/TemperatureSensor/CurrentTemperature", "1e9")
    await home.settled()
    assert not home.bridge.has("esp")
    assert home.problems.total["range"] == 1
    assert home.stored == []


async def test_a_lamp_that_is_on_is_never_at_0(home):
    home.hear("HomeKit/esp/Lightbulb/On", "1")
    home.hear("HomeKit/esp/Lightbulb/Brightness", "0")
    phone = await home.phone()
    place = await phone.wait_for("esp", "Lightbulb", "Brightness")
    assert await phone.read(place) == 1
    home.hear("HomeKit/esp/Lightbulb/On", "0")
    assert await phone.read(place) == 0


async def test_limits_and_modes_that_a_gateway_lists_after_the_values(stop):
    """Zigbee2MQTT may say what a thermostat exposes when it has long been in Home."""
    home = Home(Mapping(presets=("zigbee2mqtt",)))
    stop(home)
    await home.bridge.start()
    heard = {"local_temperature": 20, "current_heating_setpoint": 21, "system_mode": "heat"}
    home.hear("zigbee2mqtt/TRV", json.dumps(heard))
    phone = await home.phone()
    await phone.wait_for("TRV", "Thermostat", "TargetTemperature")
    setpoint = {"type": "numeric", "property": "current_heating_setpoint", "unit": "°C",
                "value_min": 5, "value_max": 30, "value_step": 0.5}  # fmt: skip
    mode = {"type": "enum", "property": "system_mode", "values": ["off", "heat"]}
    climate = {"type": "climate", "features": [setpoint, mode]}
    about = {"model": "TS0601", "vendor": "Tuya", "exposes": [climate]}
    listed = [{"friendly_name": "TRV", "definition": about}]
    home.hear("zigbee2mqtt/bridge/devices", json.dumps(listed))
    await home.settled()
    limits = await declared(phone, "TRV", "Thermostat", "TargetTemperature")
    assert (limits["minValue"], limits["maxValue"]) == (5, 30)
    offered = await declared(phone, "TRV", "Thermostat", "TargetHeatingCoolingState")
    assert offered["valid-values"] == [0, 1]
    home.check()
