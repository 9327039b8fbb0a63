"""In which unit, and on which scale, a device said each number: what tells a change of it.

Expected factors are the rules' own; units as Tasmota's `TempUnit` and `PressureUnit`
(tasmota.github.io: Sensor Configuration), Zigbee2MQTT's exposes and Home Assistant's discovery
(`unit_of_measurement`) name them.
"""

from __future__ import annotations

import json

import pytest

from contracts.messages import StateValue
from contracts.reading import AS_SENT, SeriesKey, SourceScale
from hub.mapping.rules import Mapping
from hub.mapping.translator import Translator

PLAIN = SourceScale()


def sources(translator, topic, payload):
    """By series, how its number was read."""
    text = payload if isinstance(payload, str) else json.dumps(payload)
    return {
        one.series.name: one.source
        for one in translator.translate(topic, text.encode())
        if isinstance(one, StateValue)
    }


def one_rule(**conversion):
    """A translator with a rule for garden/<device>/value, by this conversion."""
    rule = {
        "topic": "garden/{device}/value",
        "service": "TemperatureSensor",
        "characteristic": "CurrentTemperature",
        **conversion,
    }
    return Translator(Mapping.model_validate({"profiles": {"garden": {"topics": [rule]}}}))


def test_tasmota_is_set_to_fahrenheit_and_inches():
    tasmota = Translator(Mapping(presets=("tasmota",)))
    sensor = {"BME280": {"Temperature": 20.1, "Pressure": 1001.3}}
    told = [
        sources(tasmota, "tele/t/SENSOR", {**sensor, "PressureUnit": pressure, "TempUnit": degrees})
        for pressure, degrees in (("hPa", "C"), ("mmHg", "F"))
    ]
    temperature, pressure = told[0]
    assert "Temperature" in temperature
    assert "Pressure" in pressure
    assert [one[temperature] for one in told] == [PLAIN, SourceScale("F")]
    assert [one[pressure] for one in told] == [PLAIN, SourceScale("mmHg")]


def test_zigbee2mqtt_lists_another_unit():
    z2m = Translator(Mapping(presets=("zigbee2mqtt",)))

    def listed(unit):
        exposes = [{"type": "numeric", "property": "temperature", "name": "temperature",
                    "access": 1, "unit": unit}]  # fmt: skip
        return [{"friendly_name": "hall", "ieee_address": "0x1", "type": "EndDevice",
                 "definition": {"model": "X", "exposes": exposes}}]  # fmt: skip

    told = [sources(z2m, "zigbee2mqtt/hall", {"temperature": 20})]
    for unit in ("°C", "°F", "°C"):
        sources(z2m, "zigbee2mqtt/bridge/devices", listed(unit))
        told.append(sources(z2m, "zigbee2mqtt/hall", {"temperature": 20}))
    name = "TemperatureSensor/CurrentTemperature"
    assert [one[name] for one in told] == [PLAIN, PLAIN, SourceScale("F"), PLAIN]


def test_home_assistants_discovery_says_another_unit():
    topic, path = "homeassistant/sensor/{device}/config", "unit_of_measurement"
    translator = one_rule(unit_topic=topic, unit_topic_path=path)
    told = []
    for unit in ("°C", "K", "°F"):
        config = {"state_topic": "garden/d/value", "unit_of_measurement": unit}
        sources(translator, "homeassistant/sensor/d/config", config)
        told += sources(translator, "garden/d/value", "290").values()
    assert told == [PLAIN, SourceScale("K"), SourceScale("F")]


@pytest.mark.parametrize(
    ("conversion", "payload", "expected"),
    [
        ({}, "20", PLAIN),
        ({}, "68.9 °F", SourceScale("F")),
        ({"unit": "C"}, "20", PLAIN),
        ({"unit": "F", "scale": 0.1, "offset": -2}, "689", SourceScale("F", 0.1, -2)),
        ({"path": "t[1]", "unit_path": "u"}, {"t": [1, 290], "u": "K"}, SourceScale("K")),
        (
            {"service": "AirPressureSensor", "characteristic": "AirPressure", "unit": "mbar"},
            "1001",
            PLAIN,  # by another name the same
        ),
        (
            {"service": "HumiditySensor", "characteristic": "CurrentRelativeHumidity",
             "unit": "fraction"},
            "0.4",
            SourceScale("fraction"),
        ),
        (
            {"service": "WindowCovering", "characteristic": "CurrentPosition", "invert": True,
             "scale": 2},
            "30",
            SourceScale("", -2, 100),
        ),
        (
            {"service": "Switch", "characteristic": "On", "invert": True},
            "1",
            PLAIN,  # a state has words, no scale
        ),
    ],
)  # fmt: skip
def test_a_rule_is_another(conversion, payload, expected):
    assert list(sources(one_rule(**conversion), "garden/d/value", payload).values()) == [expected]


def test_a_profile_of_our_own_topics():
    name = "TemperatureSensor/CurrentTemperature"
    series = SeriesKey("yankee", "TemperatureSensor", 0, "CurrentTemperature")
    translator = Translator(Mapping())
    assert translator.source(series, "68") is AS_SENT
    for values, raw, expected in (
        ({"unit": "F"}, "68", SourceScale("F")),
        ({"scale": 0.01}, 2000.0, SourceScale("", 0.01)),
        ({"path": "t.v", "unit_path": "t.u"}, '{"t": {"v": 68, "u": "°F"}}', SourceScale("F")),
    ):
        profile = {"values": {name: values}}
        translator.use_rules(Mapping.model_validate({"devices": {"yankee": profile}}))
        assert translator.source(series, raw) == expected


@pytest.mark.parametrize(
    ("preset", "topic", "about", "value"),
    [
        ("esphome", "homeassistant/sensor/node/hall_temperature/config", "unit_of_meas",
         "node/sensor/hall_temperature/state"),
        ("esphome", "homeassistant/sensor/node/hall_temperature/config", "unit_of_measurement",
         "node/sensor/hall_temperature/state"),
        ("homie", "homie/box/hall/temperature/$unit", "", "homie/box/hall/temperature"),
    ],
)  # fmt: skip
def test_what_programs_say_of_a_property_is_another_unit(preset, topic, about, value):
    translator = Translator(Mapping(presets=(preset,)))
    told = []
    for unit in ("°C", "°F", "K", "°C"):
        sources(translator, topic, {about: unit} if about else unit)
        told += sources(translator, value, "290").values()
    assert told == [PLAIN, SourceScale("F"), SourceScale("K"), PLAIN]


def test_a_level_has_another_range():
    homie = Translator(Mapping(presets=("homie",)))
    told = []
    for most in (100, 255, 1023):
        sources(homie, "homie/box/lamp/brightness/$format", f"0:{most}")
        told += sources(homie, "homie/box/lamp/brightness", "40").values()
    assert [one.gain for one in told] == [1, 100 / 255, 100 / 1023]
