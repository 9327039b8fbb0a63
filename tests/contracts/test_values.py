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
        (MOTION, "ON", "format"),
        (MOTION, "True", "format"),
        (MOTION, 2, "format"),
        (MOTION, 1.0, "format"),
        (BATTERY, "101", "range"),
        (BATTERY, "-1", "range"),
        (BATTERY, "87.5", "format"),
        (BATTERY, True, "format"),
        (BATTERY, 87.5, "format"),
        (("ContactSensor", "ContactSensorState"), "2", "range"),
        (NAME, 20, "format"),
        (NAME, "\N{MOUSE}" * 300, "length"),
        (NAME, "\N{MOUSE} attic", "name"),
        (NAME, "attic!", "name"),
        (NAME, "a\nb", "name"),
        (NAME, "a\ud800b", "name"),
        ((INFORMATION, "Model"), "x", "length"),
        ((INFORMATION, "Model"), "a\x00b", "format"),
        ((INFORMATION, "FirmwareRevision"), "12.3(tasmota)", "format"),
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
