"""What ESPHome says of its entities, in the messages that are meant for Home Assistant."""

from __future__ import annotations

import pytest

from contracts.reading import SeriesKey
from hub.mapping.rules import Mapping
from hub.mapping.translator import Translator
from tests.hub.mapping.said import said, sent, values


@pytest.mark.parametrize(
    ("sensor", "unit", "raw", "series", "value"),
    [
        ("hall_temperature", "°F", "68.9", "TemperatureSensor/CurrentTemperature", "20.5"),
        ("hall_temperature", "°C", "20.5", "TemperatureSensor/CurrentTemperature", "20.5"),
        ("attic_pressure", "inHg", "29.92", "AirPressureSensor/AirPressure", "1013.207489"),
        ("plug_power", "kW", "1.5", "EnergyMeter/Power", "1500"),
        ("plug_energy", "Wh", "1500", "EnergyMeter/Energy", "1.5"),
        ("node_battery", "%", "81", "BatteryService/BatteryLevel", "81"),
        ("node_battery", "V", "3.1", None, None),
    ],
)
def test_units_that_esphome_names_for_home_assistant(sensor, unit, raw, series, value):
    esphome = Translator(Mapping(presets=("esphome",)))
    config = {"dev_cla": "temperature", "unit_of_meas": unit, "stat_cla": "measurement",
              "name": "Hall", "stat_t": f"node/sensor/{sensor}/state", "avty_t": "node/status",
              "uniq_id": f"ESPsensor{sensor}", "dev": {"ids": "a1b2c3"}}  # fmt: skip
    assert said(esphome, f"homeassistant/sensor/node/{sensor}/config", config) == []
    found = values(esphome, f"node/sensor/{sensor}/state", raw)
    assert found == ({} if series is None else {series: value})
    reports, _ = esphome.acl()
    assert "homeassistant/sensor/%u/+/config" in reports


@pytest.mark.parametrize("member", ["spd_rng_max", "speed_range_max"])
@pytest.mark.parametrize(
    ("count", "level", "percent", "written", "told"),
    [(3, "1", 33, "34", "1"), (3, "2", 67, "66", "2"), (3, "3", 100, "100", "3"),
     (3, "0", 0, "1", "1"), (6, "5", 83, "50", "3"), (100, "40", 40, "55", "55"),
     (1, "1", 100, "100", "1"), (255, "51", 20, "40", "102")],
)  # fmt: skip
def test_speeds_of_a_fan(member, count, level, percent, written, told):
    """Levels 0 to speed_count; the discovery message says how many there are."""
    esphome = Translator(Mapping(presets=("esphome",)))
    said(esphome, "homeassistant/fan/node/ceiling/config", {"name": "Ceiling", member: count})
    root = "node/fan/ceiling/speed_level"
    shown = values(esphome, f"{root}/state", level)["Fan/RotationSpeed"]
    assert float(shown) == pytest.approx(percent, abs=0.5)
    assert sent(esphome, "node/Fan/RotationSpeed", written) == (f"{root}/command", told)
    kind = esphome.kind(SeriesKey("node", "Fan", 0, "RotationSpeed"))
    assert kind.step == pytest.approx(100 / count if count != 100 else 1)


def test_a_fan_whose_speeds_are_said_after_the_level():
    esphome = Translator(Mapping(presets=("esphome",)))
    said(esphome, "node/fan/ceiling/speed_level/state", "2")
    config = {"spd_rng_max": 4}
    assert values(esphome, "homeassistant/fan/node/ceiling/config", config) == {
        "Fan/RotationSpeed": "50"
    }


def test_the_direction_of_a_fan():
    esphome = Translator(Mapping(presets=("esphome",)))
    root = "node/fan/ceiling/direction"
    assert values(esphome, f"{root}/state", "reverse") == {"Fan/RotationDirection": "1"}
    assert sent(esphome, "node/Fan/RotationDirection", "0") == (f"{root}/command", "forward")


def test_the_colour_temperatures_of_a_lamp():
    esphome = Translator(Mapping(presets=("esphome",)))
    config = {"schema": "json", "clrm": True, "sup_clrm": ["color_temp"], "min_mirs": 153.0,
              "max_mirs": 370.37}  # fmt: skip
    said(esphome, "homeassistant/light/node/desk/config", config)
    lit = {"state": "ON", "brightness": 255, "color_mode": "color_temp", "color": {},
           "color_temp": 250}  # fmt: skip
    found = values(esphome, "node/light/desk/state", lit)
    assert found == {
        "Lightbulb/On": "1", "Lightbulb/Brightness": "100", "Lightbulb/ColorTemperature": "250",
    }  # fmt: skip
    kind = esphome.kind(SeriesKey("node", "Lightbulb", 0, "ColorTemperature"))
    assert (kind.minimum, kind.maximum) == (153, 370)
    assert sent(esphome, "node/Lightbulb/ColorTemperature", "200") == (
        "node/light/desk/command",
        {"state": "ON", "color_temp": 200},
    )
