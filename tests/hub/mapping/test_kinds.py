"""Kinds of devices that each program has, by its own documents: what is read, what is told.

Messages are as zigbee2mqtt.io's device pages, Shelly's API reference, ESPHome's components and
Tasmota's documentation have them.
"""

from __future__ import annotations

import pytest

from hub.mapping.rules import Mapping
from hub.mapping.translator import Translator
from tests.hub.mapping.said import said, sent, values

STARKVIND = {"fan_state": "ON", "fan_mode": "3", "fan_speed": 3, "pm25": 5, "replace_filter": True}
CONDITIONER = {"local_temperature": 24, "occupied_cooling_setpoint": 22, "system_mode": "cool",
               "occupied_heating_setpoint": 19, "running_state": "cool"}  # fmt: skip
WHITE = {"ison": True, "mode": "white", "red": 0, "green": 0, "blue": 0, "gain": 100,
         "temp": 4000, "brightness": 40}  # fmt: skip
THERMOSTAT = {"id": 0, "enable": True, "target_C": 21, "current_C": 20.5, "output": False}


def of(*presets: str) -> Translator:
    return Translator(Mapping(presets=presets))


@pytest.mark.parametrize(
    ("preset", "topic", "payload", "expected"),
    [
        # 0 to 100 % of a slat's way are HomeKit's -90 to 90 degrees.
        ("zigbee2mqtt", "zigbee2mqtt/Blind", {"position": 60, "tilt": 75, "state": "OPEN"},
         {"WindowCovering/CurrentPosition": "60",
          "WindowCovering/CurrentHorizontalTiltAngle": "45"}),
        ("zigbee2mqtt", "zigbee2mqtt/Vent", {"fan_state": "ON", "fan_mode": "medium"},
         {"Fan/On": "1", "Fan/RotationSpeed": "66"}),
        ("zigbee2mqtt", "zigbee2mqtt/Starkvind", STARKVIND,
         {"AirPurifier/Active": "1", "AirPurifier/TargetAirPurifierState": "0",
          "AirPurifier/RotationSpeed": "33.333333", "AirQualitySensor/PM2.5Density": "5",
          "FilterMaintenance/FilterChangeIndication": "1"}),
        ("zigbee2mqtt", "zigbee2mqtt/AC", CONDITIONER,
         {"Thermostat/CurrentTemperature": "24", "Thermostat/TargetTemperature": "22",
          "Thermostat/CoolingThresholdTemperature": "22",
          "Thermostat/HeatingThresholdTemperature": "19",
          "Thermostat/TargetHeatingCoolingState": "2",
          "Thermostat/CurrentHeatingCoolingState": "2"}),
        ("zigbee2mqtt", "zigbee2mqtt/AC", {**CONDITIONER, "system_mode": "heat"},
         {"Thermostat/CurrentTemperature": "24", "Thermostat/TargetTemperature": "19",
          "Thermostat/CoolingThresholdTemperature": "22",
          "Thermostat/HeatingThresholdTemperature": "19",
          "Thermostat/TargetHeatingCoolingState": "1",
          "Thermostat/CurrentHeatingCoolingState": "2"}),
        # Their word: the contact is closed where it is true.
        ("zigbee2mqtt", "zigbee2mqtt/Garage", {"garage_door_contact": False},
         {"ContactSensor/ContactSensorState": "1"}),
        ("zigbee2mqtt", "zigbee2mqtt/Meter", {"power": 12, "power_phase_b": 4, "voltage": 231},
         {"EnergyMeter/Power": "12", "EnergyMeter/1/Power": "4", "EnergyMeter/Voltage": "231"}),
        ("shelly", "shellies/bulb/color/0/status", WHITE,
         {"Lightbulb/On": "1", "Lightbulb/Brightness": "40", "Lightbulb/ColorTemperature": "250"}),
        ("shelly", "shellies/bulb/color/0/status", {**WHITE, "mode": "color", "red": 255},
         {"Lightbulb/On": "1", "Lightbulb/Brightness": "100", "Lightbulb/Hue": "0",
          "Lightbulb/Saturation": "100"}),
        ("shelly", "shellies/duo/light/0/status",
         {"ison": False, "mode": "white", "brightness": 50, "temp": 2700},
         {"Lightbulb/On": "0", "Lightbulb/Brightness": "50", "Lightbulb/ColorTemperature": "370"}),
        ("shelly", "shellies/trv/info",
         {"thermostats": [{"target_t": {"value": 21.5, "units": "C"},
                           "tmp": {"value": 68.0, "units": "F"}}], "bat": {"value": 80}},
         {"Thermostat/CurrentTemperature": "20", "Thermostat/TargetTemperature": "21.5",
          "BatteryService/BatteryLevel": "80"}),
        ("shelly", "wall/status/thermostat:0", THERMOSTAT,
         {"Thermostat/CurrentTemperature": "20.5", "Thermostat/TargetTemperature": "21",
          "Thermostat/CurrentHeatingCoolingState": "0",
          "Thermostat/TargetHeatingCoolingState": "1"}),
        ("shelly", "slats/status/cover:0", {"id": 0, "current_pos": 100, "slat_pos": 0},
         {"WindowCovering/CurrentPosition": "100",
          "WindowCovering/CurrentHorizontalTiltAngle": "-90"}),
        ("esphome", "esp/cover/blind/tilt/state", "50",
         {"WindowCovering/CurrentHorizontalTiltAngle": "0"}),
        ("esphome", "esp/valve/garden/state", "opening", {"Valve/Active": "1"}),
        ("esphome", "esp/alarm_control_panel/house/state", "armed_night",
         {"SecuritySystem/SecuritySystemCurrentState": "2",
          "SecuritySystem/SecuritySystemTargetState": "2"}),
        ("esphome", "esp/alarm_control_panel/house/state", "triggered",
         {"SecuritySystem/SecuritySystemCurrentState": "4"}),
        ("esphome", "esp/alarm_control_panel/house/state", "arming", {}),
        ("esphome", "esp/lock/door/state", "LOCKING", {"LockMechanism/LockTargetState": "1"}),
        ("esphome", "esp/climate/hall/target_temperature_high/state", "24",
         {"Thermostat/CoolingThresholdTemperature": "24"}),
        ("esphome", "esp/binary_sensor/front_doorbell/state", "ON",
         {"Doorbell/ProgrammableSwitchEvent": "0"}),
        ("esphome", "esp/binary_sensor/front_doorbell/state", "OFF", {}),
        ("esphome", "esp/event/button/state", '{"event_type": "double_press"}',
         {"StatelessProgrammableSwitch/ProgrammableSwitchEvent": "1"}),
        ("esphome", "esp/sensor/carbon_monoxide/state", "12.5",
         {"CarbonMonoxideSensor/CarbonMonoxideLevel": "12.5"}),
        # 1 ppb of 110 g/mol at 25 degrees: 110 / 24.45 ug/m3; an index is no density.
        ("esphome", "esp/sensor/tvoc/state", "100",
         {"AirQualitySensor/VOCDensity": "449.897751"}),
        ("esphome", "esp/sensor/voc_index/state", "100", {}),
        ("tasmota", "tele/air/SENSOR", {"SGP30": {"eCO2": 450, "TVOC": 100}},
         {"CarbonDioxideSensor/CarbonDioxideLevel": "450",
          "AirQualitySensor/VOCDensity": "449.897751"}),
        # What a thermopile sees, not its own warmth; a thermocouple's probe, in Fahrenheit.
        ("tasmota", "tele/ir/SENSOR",
         {"MLX90614": {"ObjectTemperature": 23.8, "AmbientTemperature": 22.7}, "TempUnit": "C"},
         {"TemperatureSensor/CurrentTemperature": "23.8"}),
        ("tasmota", "tele/oven/SENSOR",
         {"MAX6675": {"ProbeTemperature": 392, "ReferenceTemperature": 77}, "TempUnit": "F"},
         {"TemperatureSensor/CurrentTemperature": "200"}),
        ("homie", "homie/air/outdoor/no2", "40", {"AirQualitySensor/NitrogenDioxideDensity": "40"}),
        ("homie", "homie/5/air/outdoor/pm10", "21", {"AirQualitySensor/PM10Density": "21"}),
    ],
)  # fmt: skip
def test_what_is_read(preset, topic, payload, expected):
    assert values(of(preset), topic, payload) == expected


@pytest.mark.parametrize(
    ("preset", "topic", "payload", "series", "text", "told"),
    [
        ("zigbee2mqtt", "zigbee2mqtt/B", {"position": 60, "tilt": 75},
         "B/WindowCovering/TargetHorizontalTiltAngle", "-45", ("zigbee2mqtt/B/set", {"tilt": 25})),
        ("zigbee2mqtt", "zigbee2mqtt/F", {"fan_state": "ON", "fan_mode": "low"},
         "F/Fan/RotationSpeed", "90", ("zigbee2mqtt/F/set", {"fan_mode": "high"})),
        ("zigbee2mqtt", "zigbee2mqtt/F", {"fan_state": "ON", "fan_mode": "low"},
         "F/Fan/RotationSpeed", "1", ("zigbee2mqtt/F/set", {"fan_mode": "low"})),
        ("zigbee2mqtt", "zigbee2mqtt/F", {"fan_state": "ON", "fan_mode": "low"},
         "F/Fan/RotationSpeed", "0", ("zigbee2mqtt/F/set", {"fan_mode": "off"})),
        ("zigbee2mqtt", "zigbee2mqtt/S", STARKVIND, "S/AirPurifier/RotationSpeed", "55.555556",
         ("zigbee2mqtt/S/set", {"fan_mode": "5"})),
        ("zigbee2mqtt", "zigbee2mqtt/S", STARKVIND, "S/AirPurifier/TargetAirPurifierState", "1",
         ("zigbee2mqtt/S/set", {"fan_mode": "auto"})),
        ("zigbee2mqtt", "zigbee2mqtt/A", CONDITIONER, "A/Thermostat/TargetTemperature", "21",
         ("zigbee2mqtt/A/set", {"occupied_cooling_setpoint": 21})),
        ("zigbee2mqtt", "zigbee2mqtt/A", {**CONDITIONER, "system_mode": "heat"},
         "A/Thermostat/TargetTemperature", "21",
         ("zigbee2mqtt/A/set", {"occupied_heating_setpoint": 21})),
        ("shelly", "shellies/b/color/0/status", WHITE, "b/Lightbulb/Brightness", "30",
         ("shellies/b/color/0/set", {"brightness": 30})),
        ("shelly", "shellies/b/color/0/status", {**WHITE, "mode": "color"},
         "b/Lightbulb/Brightness", "30", ("shellies/b/color/0/set", {"gain": 30})),
        ("shelly", "shellies/t/info", {"thermostats": [{"target_t": {"value": 21}}]},
         "t/Thermostat/TargetTemperature", "19.5",
         ("shellies/t/thermostat/0/command/target_t", "19.5")),
        ("shelly", "w/status/thermostat:0", THERMOSTAT, "w/Thermostat/TargetTemperature", "19.5",
         ("w/rpc", {"id": 1, "src": "dormouse", "method": "Thermostat.SetConfig",
                    "params": {"id": 0, "config": {"id": 0, "target_C": 19.5}}})),
        ("shelly", "w/status/cover:0", {"current_pos": 100, "slat_pos": 0},
         "w/WindowCovering/TargetHorizontalTiltAngle", "0",
         ("w/rpc", {"id": 1, "src": "dormouse", "method": "Cover.GoToPosition",
                    "params": {"id": 0, "slat_pos": 50}})),
        # The same one with the first generation's prefix is told there.
        ("shelly", "shellies/w/status/cover:1", {"current_pos": 100, "slat_pos": 0},
         "w/WindowCovering/1/TargetHorizontalTiltAngle", "0",
         ("shellies/w/rpc", {"id": 1, "src": "dormouse", "method": "Cover.GoToPosition",
                             "params": {"id": 1, "slat_pos": 50}})),
        ("esphome", "e/alarm_control_panel/house/state", "disarmed",
         "e/SecuritySystem/SecuritySystemTargetState", "1",
         ("e/alarm_control_panel/house/command", "ARM_AWAY")),
        ("esphome", "e/valve/garden/state", "open", "e/Valve/Active", "0",
         ("e/valve/garden/command", "CLOSE")),
        ("esphome", "e/cover/blind/tilt/state", "0",
         "e/WindowCovering/TargetHorizontalTiltAngle", "0", ("e/cover/blind/tilt/command", "50")),
    ],
)  # fmt: skip
def test_what_is_told(preset, topic, payload, series, text, told):
    translator = of(preset)
    said(translator, topic, payload)
    assert sent(translator, series, text) == told


def test_the_word_that_says_most_is_meant():
    """A long press of "left" is no press of a part "left_long"; a first touch says nothing yet."""
    remote = of("zigbee2mqtt")
    event = "StatelessProgrammableSwitch/ProgrammableSwitchEvent"
    for action, expected in (
        ("left_long_press", {event: "2"}),
        ("left_initial_press", {}),
        ("left_short_release", {event: "0"}),
        ("left_press", {event: "0"}),
        ("left_hold_release", {}),
    ):
        assert values(remote, "zigbee2mqtt/Remote", {"action": action}) == expected


@pytest.mark.parametrize(
    ("when", "unless", "payload", "read"),
    [
        ("mode=heat", "", {"t": 20, "mode": "HEAT"}, True),
        ("mode=heat", "", {"t": 20, "mode": "cool"}, False),
        ("mode=heat", "", {"t": 20}, False),
        (["mode", "on=true"], "", {"t": 20, "mode": "cool", "on": True}, True),
        (["mode", "on=true"], "", {"t": 20, "mode": "cool", "on": False}, False),
        ("", ["away", "mode=off"], {"t": 20, "mode": "heat", "away": None}, True),
        ("", ["away", "mode=off"], {"t": 20, "mode": "off"}, False),
    ],
)
def test_a_rule_for_a_mode(when, unless, payload, read):
    rule = {"topic": "own/{device}", "service": "Thermostat", "path": "t", "when": when,
            "characteristic": "TargetTemperature", "unless": unless}  # fmt: skip
    own = Translator(Mapping.model_validate({"profiles": {"own": {"topics": [rule]}}}))
    expected = {"Thermostat/TargetTemperature": "20"} if read else {}
    assert values(own, "own/x", payload) == expected


def test_a_rule_may_name_values_by_their_words():
    rule = {"topic": "door/{device}", "service": "GarageDoorOpener", "command": "door/{device}/do",
            "characteristic": "TargetDoorState", "words": {"up": "open", "down": "closed"},
            "command_words": {"open": "UP"}}  # fmt: skip
    own = Translator(Mapping.model_validate({"profiles": {"own": {"topics": [rule]}}}))
    assert values(own, "door/x", "down") == {"GarageDoorOpener/TargetDoorState": "closed"}
    assert sent(own, "x/GarageDoorOpener/TargetDoorState", "0") == ("door/x/do", "UP")
    assert sent(own, "x/GarageDoorOpener/TargetDoorState", "1") == ("door/x/do", "down")


def test_a_whole_number_that_is_written_as_a_fraction():
    rule = {"topic": "r/{device}", "service": "Switch", "characteristic": "On", "path": "on"}
    own = Translator(Mapping.model_validate({"profiles": {"own": {"topics": [rule]}}}))
    assert values(own, "r/x", {"on": 1.0}) == {"Switch/On": "1"}
