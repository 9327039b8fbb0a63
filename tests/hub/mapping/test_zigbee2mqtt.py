"""Messages as Zigbee2MQTT 1 and 2 publish them (zigbee2mqtt.io: MQTT topics, exposes)."""

from __future__ import annotations

import pytest

from hub.mapping.rules import Mapping
from hub.mapping.translator import Translator
from tests.hub.mapping.said import said, sent, values


@pytest.fixture
def z2m():
    return Translator(Mapping(presets=("zigbee2mqtt",)))


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ({"battery": 97, "humidity": 51.2, "linkquality": 80, "pressure": 1002, "temperature": 21.3,
          "voltage": 3005},
         {"BatteryService/BatteryLevel": "97", "HumiditySensor/CurrentRelativeHumidity": "51.2",
          "AirPressureSensor/AirPressure": "1002", "TemperatureSensor/CurrentTemperature": "21.3"}),
        ({"battery": 100, "contact": True, "device_temperature": 24, "tamper": False},
         {"BatteryService/BatteryLevel": "100", "ContactSensor/ContactSensorState": "0",
          "ContactSensor/StatusTampered": "0"}),
        ({"contact": False}, {"ContactSensor/ContactSensorState": "1"}),
        # 1: raw illuminance beside the lux; 2: the lux alone.
        ({"illuminance": 18130, "illuminance_lux": 65, "occupancy": True},
         {"LightSensor/CurrentAmbientLightLevel": "65", "MotionSensor/MotionDetected": "1"}),
        ({"illuminance": 16, "occupancy": False},
         {"LightSensor/CurrentAmbientLightLevel": "16", "MotionSensor/MotionDetected": "0"}),
        ({"illuminance": None, "presence": True}, {"OccupancySensor/OccupancyDetected": "1"}),
        ({"water_leak": True, "battery_low": True},
         {"LeakSensor/LeakDetected": "1", "BatteryService/StatusLowBattery": "1"}),
        ({"smoke": False}, {"SmokeSensor/SmokeDetected": "0"}),
        ({"state": "ON", "power": 12.5, "voltage": 231, "current": 0.06, "energy": 3.25},
         {"Switch/On": "1", "EnergyMeter/Power": "12.5", "EnergyMeter/Voltage": "231",
          "EnergyMeter/Current": "0.06", "EnergyMeter/Energy": "3.25"}),
        ({"state_l1": "ON", "state_l2": "OFF"}, {"Switch/On": "1", "Switch/1/On": "0"}),
        ({"state": "OPEN", "position": 80, "moving": "STOP"},
         {"WindowCovering/CurrentPosition": "80", "WindowCovering/PositionState": "2"}),
        ({"state": "LOCK", "lock_state": "not_fully_locked"},
         {"LockMechanism/LockCurrentState": "2", "LockMechanism/LockTargetState": "1"}),
        ({"local_temperature": 19.5, "occupied_heating_setpoint": 5, "system_mode": "heat",
          "running_state": "idle"},
         {"Thermostat/CurrentTemperature": "19.5", "Thermostat/TargetTemperature": "5",
          "Thermostat/TargetHeatingCoolingState": "1",
          "Thermostat/CurrentHeatingCoolingState": "0"}),
        ({"action": "double"}, {"StatelessProgrammableSwitch/ProgrammableSwitchEvent": "1"}),
        ({"action": ""}, {}),
        ({"action": None, "linkquality": 90}, {}),
        ({"co2": 815, "pm25": 7, "voc": 120},
         {"CarbonDioxideSensor/CarbonDioxideLevel": "815", "AirQualitySensor/PM2.5Density": "7",
          "AirQualitySensor/VOCDensity": "120"}),
        ({"soil_moisture": 44, "temperature": 18},
         {"HumiditySensor/CurrentRelativeHumidity": "44",
          "TemperatureSensor/CurrentTemperature": "18"}),
        ({"state": "ON", "brightness": 254, "color_mode": "color_temp", "color_temp": 370},
         {"Lightbulb/On": "1", "Lightbulb/Brightness": "100", "Lightbulb/ColorTemperature": "370"}),
        # A radiator valve: how far it is open is no blind, what it was set to is no sensor.
        ({"battery": 25, "battery_low": False, "current_heating_setpoint": 12, "position": 35,
          "local_temperature": 16.5, "occupied_heating_setpoint": 12, "pi_heating_demand": 0,
          "system_mode": "auto", "unoccupied_heating_setpoint": 16, "local_temperature_calibration":
          -1, "eurotronic_host_flags": {"window_open": False}, "update": {"state": "available"}},
         {"BatteryService/BatteryLevel": "25", "BatteryService/StatusLowBattery": "0",
          "Thermostat/TargetTemperature": "12", "Thermostat/CurrentTemperature": "16.5",
          "Thermostat/TargetHeatingCoolingState": "3"}),
        ({"temperature": 21.3, "temperature_sensitivity": 0.6, "temperature_offset": -1,
          "temperature_unit": "celsius", "temperature_periodic_report": 30, "max_temperature": 60},
         {"TemperatureSensor/CurrentTemperature": "21.3"}),
        ({"temperature_l1": 21, "temperature_probe": 4},
         {"TemperatureSensor/CurrentTemperature": "21",
          "TemperatureSensor/1/CurrentTemperature": "4"}),
        ({"state": "ON", "brightness": 254, "brightness_level": 3, "brightness_max": 9},
         {"Lightbulb/On": "1", "Lightbulb/Brightness": "100"}),
        ({"state": "ON", "brightness": 1}, {"Lightbulb/On": "1", "Lightbulb/Brightness": "1"}),
        ({"state": "OFF", "brightness": 0}, {"Lightbulb/On": "0", "Lightbulb/Brightness": "0"}),
        ({"state": "ON", "brightness": 127, "color": {"hue": 200, "saturation": 80, "x": 1}},
         {"Lightbulb/On": "1", "Lightbulb/Brightness": "50", "Lightbulb/Hue": "200",
          "Lightbulb/Saturation": "80"}),
    ],
)  # fmt: skip
def test_devices(z2m, payload, found):
    assert values(z2m, "zigbee2mqtt/thing", payload) == found


def test_names_with_spaces_and_slashes(z2m):
    first = said(z2m, "zigbee2mqtt/Living Room/Reading Lamp", {"state": "ON", "brightness": 100})
    assert first[0] == ("Living_Room_Reading_Lamp/AccessoryInformation/Name",
                        "Living Room Reading Lamp")  # fmt: skip
    lamp = "Living_Room_Reading_Lamp/Lightbulb"
    assert sent(z2m, f"{lamp}/On", "0") == (
        "zigbee2mqtt/Living Room/Reading Lamp/set",
        {"state": "OFF"},
    )
    assert sent(z2m, f"{lamp}/Brightness", "50") == (
        "zigbee2mqtt/Living Room/Reading Lamp/set",
        {"brightness": 127},
    )
    # The least that can be set is not off.
    assert sent(z2m, f"{lamp}/Brightness", "1")[1] == {"brightness": 3}
    assert said(z2m, "zigbee2mqtt/Living Room/Reading Lamp/availability", "offline") == [
        ("Living_Room_Reading_Lamp", False)
    ]


def test_names_that_look_alike_are_two_devices(z2m):
    devices = []
    for name in ("Living Room", "Living/Room", "Living_Room", "Küche", "客厅", "卧室"):
        found = said(z2m, f"zigbee2mqtt/{name}", {"temperature": 20})
        devices.append(found[-1][0].partition("/")[0])
    assert devices == [
        "Living_Room",
        "Living_Room_2",
        "Living_Room_3",
        "Kuche",
        "device",
        "device_2",
    ]
    again = said(z2m, "zigbee2mqtt/Living/Room", {"temperature": 21})
    assert again == [("Living_Room_2/TemperatureSensor/CurrentTemperature", "21")]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("zigbee2mqtt/bridge/devices", "[]"),
        ("zigbee2mqtt/bridge/logging", '{"level": "info", "message": "temperature"}'),
        ("zigbee2mqtt/bridge/info", '{"temperature": 20}'),
        ("zigbee2mqtt/Lamp/set", '{"state": "ON"}'),
        ("zigbee2mqtt/Lamp/get", '{"state": ""}'),
        ("zigbee2mqtt/Lamp/set/state", "ON"),
        ("zigbee2mqtt/Lamp/action", "single"),
        ("zigbee2mqtt/bridge/state", "online"),
    ],
)
def test_what_is_no_device(z2m, topic, payload):
    assert said(z2m, topic, payload) == []
    assert z2m.parts.record("Lamp")["services"] == {}


@pytest.mark.parametrize("payload", ["offline", '{"state": "offline"}'])
def test_presence_of_a_device_and_of_its_gateway(z2m, payload):
    online = payload.replace("offline", "online")
    said(z2m, "zigbee2mqtt/a", {"temperature": 20})
    said(z2m, "zigbee2mqtt/b", {"temperature": 20})
    assert said(z2m, "zigbee2mqtt/a/availability", online) == [("a", True)]
    assert said(z2m, "zigbee2mqtt/bridge/state", payload) == [("a", False), ("b", False)]
    # Back again: what was known of each counts; of b nothing was.
    assert said(z2m, "zigbee2mqtt/bridge/state", online) == [("a", True), ("b", None)]
    assert said(z2m, "zigbee2mqtt/bridge/state", online) == []


def test_several_relays_and_covers_are_commanded_by_their_own_words(z2m):
    said(z2m, "zigbee2mqtt/wall", {"state_left": "ON", "state_right": "OFF"})
    assert sent(z2m, "wall/Switch/1/On", "1") == ("zigbee2mqtt/wall/set", {"state_right": "ON"})
    said(z2m, "zigbee2mqtt/blind", {"position": 80, "state": "OPEN"})
    assert sent(z2m, "blind/WindowCovering/TargetPosition", "30") == (
        "zigbee2mqtt/blind/set",
        {"position": 30},
    )
    said(z2m, "zigbee2mqtt/door", {"state": "LOCK", "lock_state": "locked"})
    assert sent(z2m, "door/LockMechanism/LockTargetState", "0")[1] == {"state": "UNLOCK"}
    said(z2m, "zigbee2mqtt/trv", {"local_temperature": 20, "current_heating_setpoint": 21})
    assert sent(z2m, "trv/Thermostat/TargetTemperature", "5.5")[1] == {
        "current_heating_setpoint": 5.5
    }
    assert sent(z2m, "trv/Thermostat/TargetHeatingCoolingState", "1")[1] == {"system_mode": "heat"}


def test_colours(z2m):
    said(z2m, "zigbee2mqtt/strip", {"state": "ON", "brightness": 9, "color": {"x": 0.7, "y": 0.3}})
    # HomeKit writes hue and saturation apart; each is sent with the other.
    sent(z2m, "strip/Lightbulb/Hue", "240.0")
    assert sent(z2m, "strip/Lightbulb/Saturation", "50.0")[1] == {
        "color": {"hue": 240, "saturation": 50}
    }


def test_a_battery_device_may_be_silent_for_25_hours(z2m):
    said(z2m, "zigbee2mqtt/quiet", {"temperature": 20, "battery": 90})
    assert z2m.silent_after("quiet") == 25 * 3600
    assert z2m.silent_after("stranger") is None


def test_another_base_topic():
    rules = Mapping(presets=("zigbee2mqtt",), bases={"zigbee2mqtt": "home/upstairs"})
    z2m = Translator(rules)
    assert values(z2m, "home/upstairs/x", {"temperature": 20})
    assert not values(z2m, "zigbee2mqtt/x", {"temperature": 20})


def test_a_device_that_is_removed_leaves(z2m):
    said(z2m, "zigbee2mqtt/gone", {"temperature": 20, "humidity": 50})
    assert said(z2m, "zigbee2mqtt/gone", "") == [
        ("gone/TemperatureSensor/0", "leaves"),
        ("gone/HumiditySensor/0", "leaves"),
    ]
    assert said(z2m, "zigbee2mqtt/gone/availability", "") == [("gone", "leaves")]


EVENT = "StatelessProgrammableSwitch/{}ProgrammableSwitchEvent"


@pytest.mark.parametrize(
    ("actions", "found"),
    [
        # Aqara's and Tuya's, by number whatever is pressed first.
        (["button_2_single", "button_1_double", "button_4_hold"], [(1, 0), (0, 1), (3, 2)]),
        (["2_single", "1_double", "2_hold"], [(1, 0), (0, 1), (1, 2)]),
        (["single_left", "double_right", "single_both", "hold_left"],
         [(0, 0), (1, 1), (2, 0), (0, 2)]),
        # IKEA's and Philips' in the order in which they are first heard.
        (["arrow_left_click", "arrow_right_click", "arrow_left_hold"], [(0, 0), (1, 0), (0, 2)]),
        (["up_press", "down_press", "up_hold", "up_press_release", "up_hold_release"],
         [(0, 0), (1, 0), (0, 2), None, None]),
        (["on", "off", "on", "brightness_move_up", ""], [(0, 0), (1, 0), (0, 0), None, None]),
        (["toggle", "double"], [(0, 0), (0, 1)]),
    ],
)  # fmt: skip
def test_several_buttons_of_a_remote(z2m, actions, found):
    for action, pressed in zip(actions, found, strict=True):
        expected = {}
        if pressed is not None:
            index, event = pressed
            expected[EVENT.format(f"{index}/" if index else "")] = str(event)
        assert values(z2m, "zigbee2mqtt/remote", {"action": action}) == expected, action
