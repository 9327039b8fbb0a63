"""What a device may say, and what is refused by which name."""

from __future__ import annotations

import math

import pytest

from contracts.homekit.definitions import (
    CHARACTERISTICS,
    INFORMATION,
    SERVICES,
    Characteristic,
    belongs,
)
from contracts.homekit.values import BadValue, parse

TEMPERATURE = ("TemperatureSensor", "CurrentTemperature")
MOTION = ("MotionSensor", "MotionDetected")
BATTERY = ("BatteryService", "BatteryLevel")
NAME = (INFORMATION, "Name")


@pytest.mark.parametrize(
    ("where", "raw", "value"),
    [
        (TEMPERATURE, "20.125", 20.125),
        (TEMPERATURE, "-40", -40.0),
        (TEMPERATURE, 20, 20.0),
        (TEMPERATURE, "1e1", 10.0),
        (MOTION, "1", True),
        (MOTION, "false", False),
        (MOTION, True, True),
        (MOTION, 0, False),
        (BATTERY, "87", 87),
        (BATTERY, 87.0, 87),
        (NAME, "Büro 2", "Büro 2"),
        (("LightSensor", "CurrentAmbientLightLevel"), "0", 0.0),
        (("AirPressureSensor", "AirPressure"), "1013.25", 1013.25),
        (("Outlet", "Power"), "12.5", 12.5),
        ((INFORMATION, "FirmwareRevision"), "0.1.0", "0.1.0"),
        (("LockManagement", "LockControlPoint"), "AAEB", "AAEB"),
        (BATTERY, "87.0", 87),
        (BATTERY, "87.5", 88),
        (BATTERY, "86.5", 87),
        (BATTERY, 87.5, 88),
        (BATTERY, "8.7e1", 87),
        (("ContactSensor", "ContactSensorState"), True, 1),
        (("LeakSensor", "LeakDetected"), "wet", 1),
        (("Thermostat", "TargetHeatingCoolingState"), "heat", 1),
        (("GarageDoorOpener", "CurrentDoorState"), "Closing", 3),
        (("GarageDoorOpener", "TargetDoorState"), "open", 0),
        (("GarageDoorOpener", "TargetDoorState"), "closed", 1),
        (("LockMechanism", "LockTargetState"), "LOCKED", 1),
        (("LockMechanism", "LockCurrentState"), "unlocked", 0),
        (("SecuritySystem", "SecuritySystemCurrentState"), "armed_away", 1),
        (("SecuritySystem", "SecuritySystemTargetState"), "armed_vacation", 1),
        (("Thermostat", "TargetHeatingCoolingState"), "heat_cool", 3),
        (("Thermostat", "CurrentHeatingCoolingState"), "preheating", 1),
        (("HeaterCooler", "TargetHeaterCoolerState"), "heat_cool", 0),
        (("Fanv2", "CurrentFanState"), "blowing", 2),
        (("Fanv2", "RotationDirection"), "reverse", 1),
        (("AirPurifier", "CurrentAirPurifierState"), "purifying", 2),
        (("HumidifierDehumidifier", "TargetHumidifierDehumidifierState"), "dehumidify", 2),
        (("HumidifierDehumidifier", "CurrentHumidifierDehumidifierState"), "drying", 3),
        (("FilterMaintenance", "FilterChangeIndication"), "replace", 1),
        (("AirQualitySensor", "AirQuality"), "unhealthy", 5),
        (("Thermostat", "TargetTemperature"), "5", 5.0),
        ((INFORMATION, "FirmwareRevision"), "v1.2.3", "1.2.3"),
        ((INFORMATION, "FirmwareRevision"), "12.3.1(tasmota)", "12.3.1"),
        ((INFORMATION, "FirmwareRevision"), "2025.11.0-dev", "2025.11.0"),
        ((INFORMATION, "FirmwareRevision"), "20230913-112003/v1.14.0-gcb84623", "1.14.0"),
        ((INFORMATION, "FirmwareRevision"), "1.2.3.4", "1.2.3"),
        ((INFORMATION, "HardwareRevision"), "rev B7", "7"),
        (NAME, "\N{MOUSE} attic", "attic"),
        (NAME, "attic!", "attic"),
        (NAME, "Kitchen (left) / 2", "Kitchen left 2"),
        (NAME, "'Ann's lamp'", "Ann's lamp"),
        (NAME, "Wi-Fi_plug", "Wi Fi plug"),
        (NAME, "a\nb", "a b"),
        (NAME, "a\ud800b", "a b"),
        (NAME, "x" * 70, "x" * 64),
        (NAME, "x" * 63 + " y", "x" * 63),
    ],
)
def test_takes(where, raw, value):
    taken = parse(*where, raw)
    assert taken == value
    assert type(taken) is type(value)


@pytest.mark.parametrize(
    ("where", "raw", "kind"),
    [
        (("NoSuch", "On"), "1", "service"),
        (("Switch", "NoSuch"), "1", "characteristic"),
        (("Switch", "MotionDetected"), "1", "characteristic"),
        (TEMPERATURE, "", "empty"),
        (TEMPERATURE, "nan", "not-finite"),
        (TEMPERATURE, "-inf", "not-finite"),
        (TEMPERATURE, math.nan, "not-finite"),
        (TEMPERATURE, math.inf, "not-finite"),
        (TEMPERATURE, "9" * 60 + "e999", "not-finite"),
        (TEMPERATURE, 10**400, "not-finite"),
        (TEMPERATURE, "1e9", "range"),
        (TEMPERATURE, "-274", "range"),
        (TEMPERATURE, "20,5", "format"),
        (TEMPERATURE, " 20", "format"),
        (TEMPERATURE, "1_0", "format"),
        (TEMPERATURE, "\uff12\uff10", "format"),
        (TEMPERATURE, "0x10", "format"),
        (TEMPERATURE, True, "format"),
        (TEMPERATURE, "9" * 100_000, "format"),
        (MOTION, 2, "format"),
        (MOTION, 1.0, "format"),
        (BATTERY, "101", "range"),
        (BATTERY, "-1", "range"),
        (BATTERY, True, "format"),
        (("ContactSensor", "ContactSensorState"), "2", "range"),
        (NAME, 20, "format"),
        (NAME, "\N{MOUSE}" * 300, "length"),
        (NAME, "\N{MOUSE}", "name"),
        (NAME, "'", "name"),
        ((INFORMATION, "FirmwareRevision"), "beta", "format"),
        (("ContactSensor", "ContactSensorState"), "0.5", "format"),
        (("ContactSensor", "ContactSensorState"), "ajar", "format"),
        ((INFORMATION, "Model"), "x", "length"),
        ((INFORMATION, "Model"), "a\x00b", "format"),
        (("LockManagement", "LockControlPoint"), "AAU=", "format"),
        (("LockManagement", "LockControlPoint"), "&&&", "format"),
    ],
)
def test_refuses(where, raw, kind):
    with pytest.raises(BadValue) as refused:
        parse(*where, raw)
    assert refused.value.kind == kind
    # One line that fits a log, however long the payload was.
    assert len(str(refused.value)) < 200
    assert "\n" not in str(refused.value)


TWO_STATES = [
    (service.name, name)
    for service in SERVICES.values()
    for name in (*service.required, *service.optional)
    if CHARACTERISTICS[name].two_state
]
# In HAP an open door and an unlocked lock are 0.
OTHER_WAY = {"TargetDoorState", "LockTargetState"}


@pytest.mark.parametrize("word", ["true", "on", "yes", "open", "detected"])
@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
def test_words_for_everything_that_is_true(word, change):
    for service, name in TWO_STATES:
        wanted = not (word == "open" and name in OTHER_WAY)
        assert parse(service, name, change(word)) == wanted, (service, name)


@pytest.mark.parametrize("word", ["false", "off", "no", "closed", "clear"])
@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
def test_words_for_everything_that_is_false(word, change):
    for service, name in TWO_STATES:
        wanted = word == "closed" and name in OTHER_WAY
        assert parse(service, name, change(word)) == wanted, (service, name)


@pytest.mark.parametrize(
    ("where", "raw", "limit", "far"),
    [
        (BATTERY, "101", 100, False),
        (BATTERY, "-1", 0, False),
        (BATTERY, "255", 100, True),
        (("HumiditySensor", "CurrentRelativeHumidity"), "100.4", 100.0, False),
        (("Thermostat", "TargetTemperature"), "120", 100.0, False),
        (TEMPERATURE, "1e9", 1000.0, True),
    ],
)
def test_a_value_out_of_range_has_a_limit_to_be_shown(where, raw, limit, far):
    with pytest.raises(BadValue) as refused:
        parse(*where, raw)
    assert (refused.value.kind, refused.value.limit, refused.value.far) == ("range", limit, far)
    assert type(refused.value.limit) is type(limit)


def test_a_series_has_limits_of_its_own():
    kind = CHARACTERISTICS["TargetTemperature"].limited(minimum=5, maximum=30, step=0.5)
    assert parse("Thermostat", "TargetTemperature", "5", kind) == 5
    with pytest.raises(BadValue) as refused:
        parse("Thermostat", "TargetTemperature", "31", kind)
    assert refused.value.limit == 30
    heat_only = CHARACTERISTICS["TargetHeatingCoolingState"].limited(valid=(0, 1))
    with pytest.raises(BadValue, match="is not one of 0, 1"):
        parse("Thermostat", "TargetHeatingCoolingState", "cool", heat_only)


def inside(kind: Characteristic) -> bool:
    return (kind.minimum is None or kind.default >= kind.minimum) and (
        kind.maximum is None or kind.default <= kind.maximum
    )


def test_every_definition_is_whole():
    for service in SERVICES.values():
        assert service.main in service.required, service
        for name in (*service.required, *service.optional):
            assert belongs(service.name, name)
            kind = CHARACTERISTICS[name]
            if kind.integral or kind.format == "float":
                assert inside(kind), kind
            if kind.valid:
                assert kind.default in kind.valid, kind
            assert kind.follows is None or kind.follows in CHARACTERISTICS


def test_vendor_types_do_not_hide_haps_own():
    uuids = [kind.uuid for kind in CHARACTERISTICS.values()]
    assert len(set(uuids)) == len(uuids)
