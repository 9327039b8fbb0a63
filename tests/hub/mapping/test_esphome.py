"""Topics of ESPHome's MQTT component, JSON lights among them (esphome.io)."""

from __future__ import annotations

import pytest

from hub.mapping.rules import Mapping
from hub.mapping.translator import Translator
from tests.hub.mapping.said import said, sent, values


@pytest.fixture
def esphome():
    return Translator(Mapping(presets=("esphome",)))


@pytest.mark.parametrize(
    ("rest", "payload", "found"),
    [
        ("light/desk/state", {"state": "ON", "brightness": 128, "color_mode": "brightness"},
         {"Lightbulb/On": "1", "Lightbulb/Brightness": "50"}),
        ("light/desk/state", {"state": "OFF", "color_mode": "onoff"}, {"Lightbulb/On": "0"}),
        ("light/desk/state",
         {"state": "ON", "brightness": 1, "color_temp": 250, "color_mode": "color_temp"},
         {"Lightbulb/On": "1", "Lightbulb/Brightness": "1", "Lightbulb/ColorTemperature": "250"}),
        ("light/desk/state",
         {"state": "ON", "brightness": 255, "color": {"r": 0, "g": 0, "b": 255}},
         {"Lightbulb/On": "1", "Lightbulb/Brightness": "100", "Lightbulb/Hue": "240",
          "Lightbulb/Saturation": "100"}),
        ("switch/pump/state", "ON", {"Switch/On": "1"}),
        ("fan/ceiling/state", "OFF", {"Fan/On": "0"}),
        ("cover/blind/position/state", "80", {"WindowCovering/CurrentPosition": "80"}),
        ("cover/blind/state", "closing", {"WindowCovering/PositionState": "0"}),
        ("lock/door/state", "LOCKED",
         {"LockMechanism/LockCurrentState": "1", "LockMechanism/LockTargetState": "1"}),
        ("sensor/living_room_temperature/state", "21.5",
         {"TemperatureSensor/CurrentTemperature": "21.5"}),
        ("sensor/living_room_temperature/state", "nan", {}),
        ("sensor/esp32_internal_temperature/state", "51", {}),
        ("sensor/hall_humidity/state", "45.5", {"HumiditySensor/CurrentRelativeHumidity": "45.5"}),
        ("sensor/scd41_co2/state", "620", {"CarbonDioxideSensor/CarbonDioxideLevel": "620"}),
        ("sensor/wifi_signal/state", "-60", {}),
        ("binary_sensor/hall_pir/state", "ON", {"MotionSensor/MotionDetected": "1"}),
        ("binary_sensor/front_door/state", "OFF", {"ContactSensor/ContactSensorState": "0"}),
        ("climate/heater/mode/state", "heat", {"Thermostat/TargetHeatingCoolingState": "1"}),
        ("climate/heater/current_temperature/state", "19.5",
         {"Thermostat/CurrentTemperature": "19.5"}),
        ("debug", "[D][main]: nothing", {}),
        ("light/desk/command", {"state": "ON"}, {}),
    ],
)  # fmt: skip
def test_components(esphome, rest, payload, found):
    assert values(esphome, f"node/{rest}", payload) == found


def test_lights_are_commanded_in_json(esphome):
    state = {"state": "ON", "brightness": 255, "color": {"r": 255, "g": 0, "b": 0}}
    said(esphome, "node/light/a/state", state)
    said(esphome, "node/light/b/state", state)
    assert sent(esphome, "node/Lightbulb/1/On", "0") == (
        "node/light/b/command",
        {"state": "OFF"},
    )
    assert sent(esphome, "node/Lightbulb/Brightness", "50") == (
        "node/light/a/command",
        {"state": "ON", "brightness": 128},
    )
    sent(esphome, "node/Lightbulb/Hue", "120.0")
    assert sent(esphome, "node/Lightbulb/Saturation", "100.0")[1] == {
        "state": "ON",
        "color": {"r": 0, "g": 255, "b": 0},
    }


def test_other_commands(esphome):
    said(esphome, "node/switch/pump/state", "OFF")
    assert sent(esphome, "node/Switch/On", "1") == ("node/switch/pump/command", "ON")
    said(esphome, "node/cover/blind/position/state", "80")
    covering = "node/WindowCovering/TargetPosition"
    assert sent(esphome, covering, "20") == ("node/cover/blind/position/command", "20")
    said(esphome, "node/lock/door/state", "LOCKED")
    assert sent(esphome, "node/LockMechanism/LockTargetState", "0")[1] == "UNLOCK"


def test_presence(esphome):
    assert said(esphome, "node/status", "online") == [("node", True)]
    assert said(esphome, "node/status", "offline") == [("node", False)]


@pytest.mark.parametrize(
    ("rest", "payload"),
    [
        ("sensor/lamp_color_temperature/state", "4000"),
        ("sensor/hall_absolute_humidity/state", "9.1"),
        ("sensor/heat_flux/state", "12"),
        ("sensor/plug_apparent_power/state", "230"),
        ("sensor/plug_reactive_power/state", "23"),
        ("sensor/water_pressure/state", "3.1"),
        ("sensor/battery_temperature_limit_threshold/state", "60"),
        ("sensor/energy_cost/state", "3.5"),
        ("binary_sensor/gateway_connected/state", "ON"),
        ("binary_sensor/hot_water_pump/state", "ON"),
    ],
)
def test_names_that_only_sound_like_it(esphome, rest, payload):
    assert values(esphome, f"node/{rest}", payload) == {}


def test_a_battery_is_its_level_alone(esphome):
    for name, payload in (("voltage", "3.1"), ("charging_time", "60"), ("health", "90")):
        assert values(esphome, f"node/sensor/battery_{name}/state", payload) == {}
    level = {"BatteryService/BatteryLevel": "81"}
    assert values(esphome, "node/sensor/battery_level/state", "81") == level
    found = values(esphome, "node/sensor/battery_temperature/state", "25")
    assert found == {"TemperatureSensor/CurrentTemperature": "25"}


def test_the_garage_door_of_the_outdoor_camera(esphome):
    assert values(esphome, "node/binary_sensor/outdoor_motion/state", "ON") == {
        "MotionSensor/MotionDetected": "1"
    }
    assert values(esphome, "node/binary_sensor/garage_door/state", "ON") == {
        "ContactSensor/ContactSensorState": "1"
    }


def test_a_topic_prefix_of_several_levels():
    esphome = Translator(Mapping(presets=("esphome",), bases={"esphome": "home/esphome"}))
    said(esphome, "home/esphome/node/switch/pump/state", "OFF")
    assert sent(esphome, "node/Switch/On", "1") == ("home/esphome/node/switch/pump/command", "ON")
    assert said(esphome, "home/esphome/node/status", "offline") == [("node", False)]
    assert said(esphome, "node/switch/pump/state", "OFF") == []
