"""Devices of the Homie convention 3, 4 and 5 (homieiot.github.io/specification)."""

from __future__ import annotations

import pytest

from hub.mapping.rules import Mapping
from hub.mapping.translator import Translator
from tests.hub.mapping.said import said, sent, values


@pytest.fixture
def homie():
    return Translator(Mapping(presets=("homie",)))


def test_a_command_goes_where_the_lamp_was_heard():
    both = Translator(Mapping(presets=("tasmota", "homie")))
    assert said(both, "homie/relay1/lamp/on", "true") == [("relay1/Switch/On", "1")]
    assert sent(both, "relay1/Switch/On", "0") == ("homie/relay1/lamp/on/set", "false")
    # The same device speaks Tasmota too: another switch, told apart.
    assert said(both, "stat/relay1/POWER", "ON") == [("relay1/Switch/1/On", "1")]
    assert sent(both, "relay1/Switch/1/On", "0") == ("cmnd/relay1/POWER1", "OFF")
    assert sent(both, "relay1/Switch/On", "1") == ("homie/relay1/lamp/on/set", "true")
    assert said(both, "tele/relay1/STATE", {"POWER": "OFF"}) == [("relay1/Switch/1/On", "0")]


@pytest.mark.parametrize("root", ["homie/", "homie/5/"])
def test_each_node_by_its_own_topic(homie, root):
    for node, index in (("lamp", ""), ("fan", "1/"), ("pump", "2/")):
        assert said(homie, f"{root}box/{node}/power", "true") == [(f"box/Switch/{index}On", "1")]
    assert sent(homie, "box/Switch/1/On", "0") == (f"{root}box/fan/power/set", "false")
    assert sent(homie, "box/Switch/2/On", "1") == (f"{root}box/pump/power/set", "true")


@pytest.mark.parametrize(
    ("unit", "property_", "raw", "series", "value"),
    [
        ("°F", "temperature", "68.9", "TemperatureSensor/CurrentTemperature", "20.5"),
        ("F", "temperature", "68.9", "TemperatureSensor/CurrentTemperature", "20.5"),
        ("Fahrenheit", "temperature", "68.9", "TemperatureSensor/CurrentTemperature", "20.5"),
        ("K", "temperature", "293.65", "TemperatureSensor/CurrentTemperature", "20.5"),
        ("°C", "temperature", "20.5", "TemperatureSensor/CurrentTemperature", "20.5"),
        ("%", "humidity", "40", "HumiditySensor/CurrentRelativeHumidity", "40"),
        ("fraction", "humidity", "0.4", "HumiditySensor/CurrentRelativeHumidity", "40"),
        ("Pa", "pressure", "101325", "AirPressureSensor/AirPressure", "1013.25"),
        ("mbar", "pressure", "1013.25", "AirPressureSensor/AirPressure", "1013.25"),
        ("kPa", "pressure", "101.325", "AirPressureSensor/AirPressure", "1013.25"),
        ("Wh", "energy", "1500", "EnergyMeter/Energy", "1.5"),
        ("kWh", "energy", "1.5", "EnergyMeter/Energy", "1.5"),
        ("kW", "power", "1.5", "EnergyMeter/Power", "1500"),
        ("mV", "voltage", "3300", "EnergyMeter/Voltage", "3.3"),
        ("lx", "illuminance", "300", "LightSensor/CurrentAmbientLightLevel", "300"),
        ("ppm", "co2", "800", "CarbonDioxideSensor/CarbonDioxideLevel", "800"),
        ("", "temperature", "20.5", "TemperatureSensor/CurrentTemperature", "20.5"),
    ],
)
@pytest.mark.parametrize("unit_first", [True, False])
@pytest.mark.parametrize("version", [4, 5])
def test_units_that_the_device_names(
    homie, version, unit_first, unit, property_, raw, series, value
):
    root = "homie/box" if version == 4 else "homie/5/box"
    attribute = (f"{root}/air/{property_}/$unit", unit)
    if version == 5:
        about = {"name": property_, "datatype": "float", "unit": unit}
        described = {"homie": "5.0", "version": 7, "name": "Box",
                     "nodes": {"air": {"properties": {property_: about}}}}  # fmt: skip
        attribute = (f"{root}/$description", described)
    if unit_first:
        said(homie, *attribute)
        assert values(homie, f"{root}/air/{property_}", raw) == {series: value}
        return
    values(homie, f"{root}/air/{property_}", raw)
    found = values(homie, *attribute)
    found.pop("AccessoryInformation/Name", None)
    # Nothing new to say where it had been read in that unit already.
    assert found == ({} if unit == "" and version == 4 else {series: value})


def test_units_come_first_in_a_replay(homie):
    filters = homie.filters
    assert filters.index("homie/+/+/+/$unit") == 0


def test_an_unknown_unit_is_refused(homie):
    said(homie, "homie/box/air/temperature/$unit", "furlong")
    assert said(homie, "homie/box/air/temperature", "20") == [("mapping", "box")]
    assert said(homie, "homie/box/air/temperature/$unit", "cubit") == [("mapping", "box")]
    assert said(homie, "homie/box/air/temperature/$unit", "C") == [
        ("box/TemperatureSensor/CurrentTemperature", "20")
    ]


@pytest.mark.parametrize(
    ("topic", "payload", "found"),
    [
        ("homie/b/$name", "Kitchen box", {"AccessoryInformation/Name": "Kitchen box"}),
        ("homie/b/$fw/version", "2.0.0", {"AccessoryInformation/FirmwareRevision": "2.0.0"}),
        ("homie/b/door/contact", "false", {"ContactSensor/ContactSensorState": "1"}),
        ("homie/b/door/open", "false", {"ContactSensor/ContactSensorState": "false"}),
        ("homie/b/hall/motion", "true", {"MotionSensor/MotionDetected": "true"}),
        ("homie/b/sink/water-leak", "true", {"LeakSensor/LeakDetected": "true"}),
        ("homie/b/main/battery", "81", {"BatteryService/BatteryLevel": "81"}),
        ("homie/b/room/outside-temperature", "-3", {"TemperatureSensor/CurrentTemperature": "-3"}),
        ("homie/b/meter/power", "12.5", {"EnergyMeter/Power": "12.5"}),
        ("homie/b/blind/position", "30", {"WindowCovering/CurrentPosition": "30"}),
        ("homie/b/lamp/color-temperature", "4000", {"Lightbulb/ColorTemperature": "4000"}),
        ("homie/b/heater/target-temperature", "21", {}),
        ("homie/b/heater/temperature-setpoint", "21", {}),
        ("homie/b/air/temperature-offset", "-2", {}),
        ("homie/b/air/closet-temperature", "17", {"TemperatureSensor/CurrentTemperature": "17"}),
        ("homie/b/main/battery-voltage", "3.1", {"EnergyMeter/Voltage": "3.1"}),
        ("homie/b/main/battery-level", "81", {"BatteryService/BatteryLevel": "81"}),
        ("homie/b/meter/power-factor", "0.95", {}),
        ("homie/b/meter/reactive-power", "20", {}),
        ("homie/b/meter/energy-price", "0.31", {}),
        ("homie/b/lamp/on/set", "true", {}),
        ("homie/b/lamp/on/$settable", "true", {}),
        ("homie/b/$nodes", "lamp,door", {}),
        ("homie/b/$stats/uptime", "77", {}),
        ("homie/b/lamp/on", "toggle", {}),
    ],
)
def test_what_else_it_says(homie, topic, payload, found):
    assert values(homie, topic, payload) == found


@pytest.mark.parametrize("root", ["homie", "homie/5"])
@pytest.mark.parametrize(
    ("state", "online"),
    [
        ("ready", True),
        ("alert", True),
        ("sleeping", True),
        ("disconnected", False),
        ("lost", False),
    ],
)
def test_presence(homie, root, state, online):
    assert said(homie, f"{root}/box/$state", state) == [("box", online)]
    assert said(homie, f"{root}/box/$state", "init") == []


def test_a_dimmer_is_a_lamp(homie):
    said(homie, "homie/box/lamp/on", "true")
    assert said(homie, "homie/box/lamp/brightness", "40") == [
        ("box/Switch/0", "leaves"),
        ("box/Lightbulb/Brightness", "40"),
    ]
    assert said(homie, "homie/box/lamp/on", "false") == [("box/Lightbulb/On", "0")]
    assert sent(homie, "box/Lightbulb/On", "1") == ("homie/box/lamp/on/set", "true")
    assert sent(homie, "box/Lightbulb/Brightness", "55") == ("homie/box/lamp/brightness/set", "55")


def test_a_property_leaves_with_its_retained_value_and_the_device_with_its_state(homie):
    said(homie, "homie/box/in/temperature", "20")
    said(homie, "homie/box/out/temperature", "5")
    assert said(homie, "homie/box/out/temperature", "") == [("box/TemperatureSensor/1", "leaves")]
    assert said(homie, "homie/box/$name", "") == []
    assert said(homie, "homie/box/$state", "") == [("box", "leaves")]
    # Back again, each is what it was.
    assert said(homie, "homie/box/out/temperature", "6") == [
        ("box/TemperatureSensor/1/CurrentTemperature", "6")
    ]


def test_children_are_lost_with_their_root(homie):
    """Homie 5, "Device hierarchy": the last will of a bridge speaks for all below it."""
    about = {"homie": "5.0", "version": 1, "nodes": {}}
    said(homie, "homie/5/bridge/$description", {**about, "children": ["relay"]})
    said(homie, "homie/5/relay/$description", {**about, "root": "bridge", "children": ["light1"]})
    said(homie, "homie/5/light1/$description", {**about, "root": "bridge", "parent": "relay"})
    said(homie, "homie/5/other/$description", about)
    for device in ("bridge", "relay", "light1", "other"):
        assert said(homie, f"homie/5/{device}/$state", "ready") == [(device, True)]
    assert said(homie, "homie/5/bridge/$state", "lost") == [
        ("bridge", False), ("relay", False), ("light1", False)
    ]  # fmt: skip
    # What a child says of itself meanwhile (replayed) does not bring it back.
    assert said(homie, "homie/5/light1/$state", "ready") == [("light1", False)]
    assert said(homie, "homie/5/bridge/$state", "ready") == [
        ("bridge", True), ("relay", True), ("light1", True)
    ]  # fmt: skip
    # A clean good-bye of the root is its own alone, by the convention.
    assert said(homie, "homie/5/bridge/$state", "disconnected") == [("bridge", False)]
    assert said(homie, "homie/5/light1/$state", "ready") == [("light1", True)]


def test_a_child_that_is_described_after_its_root_was_lost(homie):
    said(homie, "homie/5/bridge/$state", "lost")
    assert said(homie, "homie/5/lamp/$state", "ready") == [("lamp", True)]
    about = {"homie": "5.0", "version": 1, "nodes": {}, "root": "bridge"}
    assert said(homie, "homie/5/lamp/$description", about)[-1] == ("lamp", False)


def test_attributes_that_were_cleared_say_nothing_any_more(homie):
    said(homie, "homie/box/air/temperature/$unit", "°F")
    assert values(homie, "homie/box/air/temperature", "68") == {
        "TemperatureSensor/CurrentTemperature": "20"
    }
    assert said(homie, "homie/box/air/temperature/$unit", "") == []
    assert values(homie, "homie/box/air/temperature", "20") == {
        "TemperatureSensor/CurrentTemperature": "20"
    }


def test_another_unit_is_of_what_comes_after_it(homie):
    """What came before was in the unit before: 68 degrees Fahrenheit are no 68 kelvin."""
    series = "TemperatureSensor/CurrentTemperature"
    said(homie, "homie/d/env/temperature", "68")
    assert values(homie, "homie/d/env/temperature/$unit", "°F") == {series: "20"}
    assert values(homie, "homie/d/env/temperature/$unit", "K") == {}
    assert values(homie, "homie/d/env/temperature", "293.15") == {series: "20"}
