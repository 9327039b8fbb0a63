"""Configurations as Home Assistant's documentation of MQTT discovery has them."""

from __future__ import annotations

import dataclasses
import json
import re

import jinja2
import pytest

from contracts.homekit.definitions import CHARACTERISTICS, INFORMATION, SERVICES
from contracts.homekit.values import parse
from contracts.reading import SeriesKey
from hub.homeassistant.actuators import ACTUATORS
from hub.homeassistant.combined import parts
from hub.homeassistant.discovery import DescribedDevice, configurations
from hub.homeassistant.view import ValueLimits
from hub.homekit.accessory import ShownCharacteristic

HERE = "dormouse/home/dev"


def found(*names, device="dev", title=None, fixed=(), **limits):
    """The configurations of a device with these series, by "<component>/<entity>".

    Nobody can set those that are `fixed`.
    """
    series = {}
    for name in names:
        service, *index, characteristic = name.split("/")
        key = SeriesKey(device, service, int(index[0]) if index else 0, characteristic)
        series[key] = limits.get(characteristic) or ValueLimits.of(
            ShownCharacteristic(key).properties
        )
        if name in fixed or characteristic in fixed:
            series[key] = dataclasses.replace(series[key], settable=False)
    facts = DescribedDevice(device, "Küche", series, "Acme", "Plug", "1.2.3", title or {})
    messages = configurations(facts, "home", "homeassistant", "9.9")
    told = {}
    for topic, payload in messages.items():
        prefix, component, node, entity, last = topic.split("/")
        assert (prefix, node, last) == ("homeassistant", "dormouse_home", "config")
        assert re.fullmatch(r"[A-Za-z0-9_-]+", entity)
        told[f"{component}/{entity.removeprefix(f'{device}_')}"] = json.loads(payload)
    return told


def rendered(template, value):
    return jinja2.Environment(autoescape=False).from_string(template).render(value=value)  # no HTML


def test_one_device_with_its_entities():
    told = found("TemperatureSensor/CurrentTemperature", "BatteryService/BatteryLevel")
    assert told["sensor/TemperatureSensor_0_CurrentTemperature"] == {
        "name": "Temperature",
        "state_topic": f"{HERE}/TemperatureSensor/0/CurrentTemperature",
        "device_class": "temperature",
        "unit_of_measurement": "°C",
        "state_class": "measurement",
        "unique_id": "dormouse_home_dev_TemperatureSensor_0_CurrentTemperature",
        "availability": [
            {"topic": "dormouse/$online"},
            {"topic": "dormouse/home/dev/$online"},
        ],
        "availability_mode": "all",
        "device": {
            "identifiers": ["dormouse_home_dev"],
            "name": "Küche",
            "serial_number": "dev",
            "manufacturer": "Acme",
            "model": "Plug",
            "sw_version": "1.2.3",
        },
        "origin": {"name": "Dormouse", "sw_version": "9.9"},
        "qos": 0,
    }
    battery = told["sensor/BatteryService_0_BatteryLevel"]
    assert battery["entity_category"] == "diagnostic"
    assert battery["device"] == told["sensor/TemperatureSensor_0_CurrentTemperature"]["device"]


@pytest.mark.parametrize(
    ("series", "device_class", "unit", "state_class"),
    [
        ("HumiditySensor/CurrentRelativeHumidity", "humidity", "%", "measurement"),
        ("LightSensor/CurrentAmbientLightLevel", "illuminance", "lx", "measurement"),
        ("AirPressureSensor/AirPressure", "atmospheric_pressure", "hPa", "measurement"),
        ("Outlet/Power", "power", "W", "measurement"),
        ("EnergyMeter/Energy", "energy", "kWh", "total_increasing"),
        ("Outlet/Voltage", "voltage", "V", "measurement"),
        ("Outlet/Current", "current", "A", "measurement"),
        ("CarbonDioxideSensor/CarbonDioxideLevel", "carbon_dioxide", "ppm", "measurement"),
        ("AirQualitySensor/PM2.5Density", "pm25", "µg/m³", "measurement"),
        ("AirQualitySensor/PM10Density", "pm10", "µg/m³", "measurement"),
    ],
)
def test_what_is_measured(series, device_class, unit, state_class):
    [config] = [c for c in found(series).values() if c.get("device_class") == device_class]
    assert (config["unit_of_measurement"], config["state_class"]) == (unit, state_class)


@pytest.mark.parametrize(
    ("series", "device_class"),
    [
        ("MotionSensor/MotionDetected", "motion"),
        ("OccupancySensor/OccupancyDetected", "occupancy"),
        ("ContactSensor/ContactSensorState", "opening"),
        ("LeakSensor/LeakDetected", "moisture"),
        ("SmokeSensor/SmokeDetected", "smoke"),
        ("CarbonMonoxideSensor/CarbonMonoxideDetected", "carbon_monoxide"),
        ("ContactSensor/StatusLowBattery", "battery"),
        ("ContactSensor/StatusTampered", "tamper"),
    ],
)
def test_what_is_so_or_not(series, device_class):
    [(name, config)] = found(series).items()
    assert name.startswith("binary_sensor/")
    assert (config["device_class"], config["payload_on"], config["payload_off"]) == (
        device_class,
        "1",
        "0",
    )


def test_a_switch_and_an_outlet():
    config = found("Switch/On")["switch/Switch_0"]
    assert config["name"] is None, "it bears the device's name"
    assert config["state_topic"] == f"{HERE}/Switch/0/On"
    assert config["command_topic"] == f"{HERE}/Switch/0/On/set"
    told = found("Outlet/On", "Outlet/1/On", "Outlet/OutletInUse")
    assert told["switch/Outlet_0"]["device_class"] == "outlet"
    assert told["switch/Outlet_1"]["command_topic"] == f"{HERE}/Outlet/1/On/set"
    assert [told[f"switch/Outlet_{n}"]["name"] for n in (0, 1)] == ["Outlet", "Outlet 2"]
    titled = found("Outlet/On", "Outlet/1/On", title={("Outlet", 1): "Pump"})
    assert titled["switch/Outlet_1"]["name"] == "Pump"


def test_a_light_of_each_kind():
    config = found("Lightbulb/On")["light/Lightbulb_0"]
    assert "brightness_command_topic" not in config
    config = found(*(f"Lightbulb/{n}" for n in ("On", "Brightness", "Hue", "Saturation")),
                   "Lightbulb/ColorTemperature",
                   ColorTemperature=ValueLimits(153, 370, 1))["light/Lightbulb_0"]  # fmt: skip
    assert config["brightness_scale"] == 100
    assert config["hs_command_topic"] == f"{HERE}/Lightbulb/0/HueSaturation/set"
    assert (config["min_mireds"], config["max_mireds"]) == (153, 370)
    assert parts("Lightbulb", "HueSaturation", "120.0,55") == [
        ("Hue", "120.0"),
        ("Saturation", "55"),
    ]


def test_doors_locks_and_coverings():
    cover = found("WindowCovering/CurrentPosition", "WindowCovering/TargetPosition",
                  "WindowCovering/PositionState")["cover/WindowCovering_0"]  # fmt: skip
    assert cover["position_topic"] == f"{HERE}/WindowCovering/0/CurrentPosition"
    assert cover["set_position_topic"] == f"{HERE}/WindowCovering/0/TargetPosition/set"
    assert (cover["payload_open"], cover["payload_close"], cover["payload_stop"]) == (
        "100",
        "0",
        None,
    )
    garage = found("GarageDoorOpener/CurrentDoorState",
                   "GarageDoorOpener/TargetDoorState")["cover/GarageDoorOpener_0"]  # fmt: skip
    assert garage["device_class"] == "garage"
    states = [garage[f"state_{s}"] for s in ("open", "closed", "opening", "closing", "stopped")]
    assert states == ["0", "1", "2", "3", "4"]
    assert (garage["payload_open"], garage["payload_close"]) == ("0", "1")
    lock = found("LockMechanism/LockCurrentState",
                 "LockMechanism/LockTargetState")["lock/LockMechanism_0"]  # fmt: skip
    assert (lock["state_locked"], lock["payload_unlock"]) == ("1", "0")


def test_a_thermostat_offers_what_it_can():
    names = ("CurrentTemperature", "TargetTemperature", "CurrentHeatingCoolingState",
             "TargetHeatingCoolingState", "TemperatureDisplayUnits")  # fmt: skip
    heat_only = found(
        *(f"Thermostat/{n}" for n in names),
        TargetHeatingCoolingState=ValueLimits(valid=(0, 1)),
        TargetTemperature=ValueLimits(5, 30, 0.5),
    )["climate/Thermostat_0"]
    assert heat_only["modes"] == ["off", "heat"]
    assert (heat_only["min_temp"], heat_only["max_temp"], heat_only["temp_step"]) == (5, 30, 0.5)
    assert rendered(heat_only["mode_state_template"], "1") == "heat"
    assert rendered(heat_only["mode_command_template"], "heat") == "1"
    assert rendered(heat_only["action_template"], "0") == "idle"
    whole = found(*(f"Thermostat/{n}" for n in names))["climate/Thermostat_0"]
    assert whole["modes"] == ["off", "heat", "cool", "auto"]


def test_a_heater_cooler_is_off_when_it_is_not_active():
    names = ("Active", "CurrentHeaterCoolerState", "TargetHeaterCoolerState", "CurrentTemperature",
             "HeatingThresholdTemperature", "CoolingThresholdTemperature")  # fmt: skip
    config = found(*(f"HeaterCooler/{n}" for n in names))["climate/HeaterCooler_0"]
    assert config["modes"] == ["off", "auto", "heat", "cool"]
    assert config["temperature_low_command_topic"].endswith("/HeatingThresholdTemperature/set")
    wanted = rendered(config["mode_command_template"], "cool")
    assert parts("HeaterCooler", "Mode", wanted) == [
        ("TargetHeaterCoolerState", "2"),
        ("Active", "1"),
    ]
    assert parts("HeaterCooler", "Mode", "off") == [("Active", "0")]


def test_an_alarm_a_valve_a_fan_and_a_button():
    alarm = found("SecuritySystem/SecuritySystemCurrentState",
                  "SecuritySystem/SecuritySystemTargetState")  # fmt: skip
    alarm = alarm["alarm_control_panel/SecuritySystem_0"]
    states = [rendered(alarm["value_template"], str(n)) for n in range(5)]
    assert states == ["armed_home", "armed_away", "armed_night", "disarmed", "triggered"]
    assert alarm["payload_disarm"] == "3"
    valve = found("Valve/Active", "Valve/InUse", "Valve/ValveType")
    assert valve["valve/Valve_0"]["payload_open"] == "1"
    assert valve["binary_sensor/Valve_0_InUse"]["device_class"] == "running"
    fan = found("Fanv2/Active", "Fanv2/RotationSpeed", "Fanv2/SwingMode", "Fanv2/TargetFanState",
                "Fanv2/RotationDirection")["fan/Fanv2_0"]  # fmt: skip
    assert fan["percentage_command_topic"] == f"{HERE}/Fanv2/0/RotationSpeed/set"
    assert fan["preset_modes"] == ["manual", "auto"]
    assert rendered(fan["direction_command_template"], "reverse") == "1"
    button = found("StatelessProgrammableSwitch/ProgrammableSwitchEvent")
    [config] = button.values()
    assert config["event_types"] == ["single", "double", "long"]


@pytest.mark.parametrize("service", sorted(set(SERVICES) - {INFORMATION}))
def test_every_service_with_all_it_may_carry(service):
    """Whatever can be commanded takes what it is said to take; every state is said somewhere."""
    known = SERVICES[service]
    names = [*known.required, *known.optional]
    told = found(*(f"{service}/{name}" for name in names))
    if service in ACTUATORS:
        assert next(iter(told)).split("/")[1] == f"{service}_0"
    identities = [config["unique_id"] for config in told.values()]
    assert len(set(identities)) == len(identities)
    for config in told.values():
        for option, topic in config.items():
            if not option.endswith("_topic"):
                continue
            levels = topic.split("/")
            assert levels[:5] == ["dormouse", "home", "dev", service, "0"]
            for name, _ in parts(service, levels[5], "1,1"):
                assert name in names
                kind = CHARACTERISTICS[name]
                if "command" in option or option.startswith("set_"):
                    assert levels[6:] == ["set"]
                    assert kind.writable, name
                else:
                    assert kind.readable, name
    for config in told.values():
        for payload in ("payload_on", "payload_off", "payload_open", "payload_close",
                        "payload_lock", "payload_unlock", "payload_disarm"):  # fmt: skip
            if config.get(payload) is not None and "command_topic" in config:
                name = config["command_topic"].split("/")[5]
                parse(service, name, config[payload])


@pytest.mark.parametrize("service", sorted(ACTUATORS))
def test_what_a_device_lets_nobody_set_is_no_control(service):
    """Each is still told as what it measures; what is not restricted stays as it is."""
    known = SERVICES[service]
    names = [f"{service}/{name}" for name in (*known.required, *known.optional)]
    told = found(*names, fixed=names)
    assert not [name for name in told if name.split("/")[0] in {"switch", "number", "select"}]
    for config in told.values():
        assert not [o for o in config if "command_topic" in o or o == "set_position_topic"]
        # Home Assistant takes these together with their command alone.
        assert not {"preset_modes", "swing_modes"} & config.keys()
    if service not in {"StatelessProgrammableSwitch", "Doorbell"}:
        assert any("state_topic" in c or "position_topic" in c for c in told.values())


def test_one_part_that_nobody_sets_leaves_the_others():
    told = found("Lightbulb/On", "Lightbulb/Brightness", "Lightbulb/ColorTemperature",
                 fixed=["Brightness"])  # fmt: skip
    light = told["light/Lightbulb_0"]
    assert "brightness_command_topic" not in light
    assert light["color_temp_command_topic"].endswith("/ColorTemperature/set")
    assert told["sensor/Lightbulb_0_Brightness"]["unit_of_measurement"] == "%"
    names = ("CurrentTemperature", "TargetTemperature", "CurrentHeatingCoolingState",
             "TargetHeatingCoolingState", "TemperatureDisplayUnits")  # fmt: skip
    climate = found(*(f"Thermostat/{n}" for n in names), fixed=["TargetHeatingCoolingState"])
    climate = climate["climate/Thermostat_0"]
    assert "mode_command_topic" not in climate
    assert climate["temperature_command_topic"].endswith("/TargetTemperature/set")
