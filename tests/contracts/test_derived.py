"""States that follow from measurements."""

from __future__ import annotations

import pytest

from contracts.homekit.definitions import CHARACTERISTICS, belongs
from contracts.homekit.derived import SOURCES, THRESHOLDS, derived

AIR = ("AirQualitySensor", "AirQuality")


@pytest.mark.parametrize(
    ("state", "measured", "value"),
    [
        (("CarbonDioxideSensor", "CarbonDioxideDetected"), {"CarbonDioxideLevel": 1000}, 0),
        (("CarbonDioxideSensor", "CarbonDioxideDetected"), {"CarbonDioxideLevel": 1001}, 1),
        (("CarbonMonoxideSensor", "CarbonMonoxideDetected"), {"CarbonMonoxideLevel": 50}, 1),
        (("BatteryService", "StatusLowBattery"), {"BatteryLevel": 19}, 1),
        (("BatteryService", "StatusLowBattery"), {"BatteryLevel": 20}, 0),
        # European Air Quality Index: up to 10, 20, 25 and 50 ug/m3 of fine particles.
        (AIR, {"PM2.5Density": 10}, 1),
        (AIR, {"PM2.5Density": 10.1}, 2),
        (AIR, {"PM2.5Density": 25}, 3),
        (AIR, {"PM2.5Density": 50}, 4),
        (AIR, {"PM2.5Density": 51}, 5),
        (AIR, {"PM10Density": 30, "PM2.5Density": 3}, 2),
        (AIR, {"VOCDensity": 2000, "CarbonDioxideLevel": 500}, 3),
        (AIR, {"AirParticulateDensity": 30, "AirParticulateSize": 0}, 4),
        (AIR, {"AirParticulateDensity": 30, "AirParticulateSize": 1}, 2),
        (AIR, {}, None),
        (AIR, {"AirParticulateSize": 1}, None),
        (("LeakSensor", "LeakDetected"), {}, None),
    ],
)
def test_what_follows(state, measured, value):
    assert derived(*state, measured.get) == value


def test_a_rule_sets_other_thresholds():
    own = {"CarbonDioxideLevel": (1500.0,), "PM2.5Density": (1.0, 2.0, 3.0, 4.0)}
    level = {"CarbonDioxideLevel": 1400.0, "PM2.5Density": 3.5}
    state = ("CarbonDioxideSensor", "CarbonDioxideDetected")
    assert derived(*state, level.get, lambda name: own.get(name, ())) == 0
    del level["CarbonDioxideLevel"]
    assert derived(*AIR, level.get, lambda name: own.get(name, ())) == 4


def test_every_source_is_a_measurement_with_thresholds_in_its_service():
    for (service, state), sources in SOURCES.items():
        for name in sources:
            assert belongs(service, name)
            if name != "AirParticulateDensity":  # those of PM2.5 or PM10, by its size
                limits = THRESHOLDS[f"{service}/{name}"]
                assert len(limits) == (4 if state == "AirQuality" else 1)
                assert list(limits) == sorted(limits)
                assert limits[-1] <= CHARACTERISTICS[name].most
