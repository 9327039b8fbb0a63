"""Payloads of other firmware, there and back."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.homekit.definitions import CHARACTERISTICS
from contracts.homekit.values import parse
from hub.errors import SettingsError
from hub.mapping import templates
from hub.mapping.convert import UNITS, MappingError, from_homekit, to_homekit
from hub.mapping.rules import Conversion
from hub.mapping.stored import configured

TEMPERATURE = CHARACTERISTICS["CurrentTemperature"]
ON = CHARACTERISTICS["On"]
BRIGHTNESS = CHARACTERISTICS["Brightness"]
CONTACT = CHARACTERISTICS["ContactSensorState"]
MIRED = CHARACTERISTICS["ColorTemperature"]
HUE, SATURATION = CHARACTERISTICS["Hue"], CHARACTERISTICS["Saturation"]
POSITION = CHARACTERISTICS["TargetPosition"]


@pytest.mark.parametrize(
    ("conversion", "kind", "payload", "values"),
    [
        ({}, TEMPERATURE, "20.5", ["20.5"]),
        ({"unit": "F"}, TEMPERATURE, "68.9", ["20.5"]),
        ({"unit": "K"}, TEMPERATURE, "293.65", ["20.5"]),
        ({"path": "a.b"}, TEMPERATURE, '{"a": {"b": 20.5}}', ["20.5"]),
        ({"path": "a[1].b"}, TEMPERATURE, '{"a": [{}, {"b": 20.5}]}', ["20.5"]),
        ({"path": "*.T"}, TEMPERATURE, '{"x": {"T": 1}, "y": 3, "z": {"T": 2}}', ["1", "2"]),
        ({"path": "a.c"}, TEMPERATURE, '{"a": {"b": 20.5}}', []),
        ({"path": "T", "unit_path": "U"}, TEMPERATURE, '{"T": 50, "U": "F"}', ["10"]),
        ({"path": "T", "unit_path": "U"}, TEMPERATURE, '{"T": 50}', ["50"]),
        ({"path": "on"}, ON, '{"on": true}', ["1"]),
        ({"words": {"ON": "1", "OFF": "0"}}, ON, "ON", ["1"]),
        ({"words": {"ON": "1", "OFF": "0"}, "invert": True}, ON, "ON", ["0"]),
        ({"invert": True}, ON, "true", ["false"]),
        ({"invert": True}, POSITION, "30", ["70"]),
        ({"scale": 100 / 255}, BRIGHTNESS, "128", ["50"]),
        ({"scale": 2, "offset": -1}, TEMPERATURE, "10", ["19"]),
        ({"unit": "fraction"}, BRIGHTNESS, "0.87", ["87"]),
        ({"unit": "°F"}, TEMPERATURE, "68.9", ["20.5"]),
        ({"unit": "Kelvin"}, TEMPERATURE, "293.65", ["20.5"]),
        ({}, TEMPERATURE, "68.9 °F", ["20.5"]),
        ({"unit": "F"}, TEMPERATURE, "20.5 °C", ["20.5"]),
        ({}, TEMPERATURE, "20.5 bananas", ["20.5 bananas"]),
        ({"path": "v", "unit_path": "u"}, TEMPERATURE, '{"v": 68.9, "u": "°F"}', ["20.5"]),
        ({"path": "v", "unit_path": "u", "unit": "F"}, TEMPERATURE, '{"v": 50}', ["10"]),
        ({"unit": "K"}, MIRED, "4000", ["250"]),
        ({"unit": "mired"}, MIRED, "250", ["250"]),
        ({"unit": "mg/m3"}, CHARACTERISTICS["PM2.5Density"], "0.012", ["12"]),
        ({"unit": "ppb"}, CHARACTERISTICS["CarbonDioxideLevel"], "815000", ["815"]),
        ({"scale": 100 / 254}, BRIGHTNESS, "1", ["1"]),
        ({"scale": 100 / 254}, BRIGHTNESS, "0", ["0"]),
        ({"scale": 0.01}, BRIGHTNESS, "1", ["1"]),
        ({"words": {"ON": "1"}}, ON, "on", ["1"]),
        ({"words": {"true": "0", "false": "1"}, "path": "c"}, CONTACT, '{"c": true}', ["0"]),
        ({"words": {"unknown": None}}, CONTACT, "unknown", []),
        ({"words": {"ON": "1", "OFF": "0"}, "others": "skip"}, ON, "OPEN", []),
        ({"invert": True}, CONTACT, "open", ["0"]),
        ({"path": 'x["PM2.5"]'}, CHARACTERISTICS["PM2.5Density"], '{"x": {"PM2.5": 7}}', ["7"]),
        ({"path": "s[*].t"}, TEMPERATURE, '{"s": [{"t": 1}, null, {"t": 3}]}', ["1", "3"]),
        ({"path": "POWER{number}"}, ON, '{"POWER1": "ON", "POWERED": 1}', ["ON"]),
        ({"path": "*.T"}, TEMPERATURE, '{"x": {"T": null}, "y": {"T": 2}}', ["2"]),
        ({"path": "$", "color": "hue"}, HUE, '{"r": 0, "g": 255, "b": 0}', ["120"]),
        ({"color": "saturation"}, SATURATION, "#FF8080", ["49.8"]),
        ({"color": "hue"}, HUE, "30,40,50", ["30"]),
        ({"color": "hue"}, HUE, "no colour", []),
    ],
)
def test_to_homekit(conversion, kind, payload, values):
    assert to_homekit(Conversion(**conversion), kind, payload) == values


@pytest.mark.parametrize(
    ("conversion", "payload"),
    [
        ({"path": "a"}, "not JSON"),
        ({"path": "a"}, '{"a": [1]}'),
        ({"unit": "F"}, "warm"),
        ({"unit": "F"}, "inf"),
        ({"scale": 1e308}, "1e308"),
        ({"path": "T", "unit_path": "U"}, '{"T": 50, "U": "furlong"}'),
        ({"path": "T", "unit_path": "U"}, '{"T": 50, "U": ["C"]}'),
        ({"invert": True}, "maybe"),
        ({"path": "[" * 3}, "{}"),
    ],
)
def test_what_does_not_fit_is_refused(conversion, payload):
    with pytest.raises(MappingError):
        to_homekit(Conversion(**conversion), ON, payload)


@given(
    st.floats(-50, 150),
    st.sampled_from(sorted(UNITS)),
    st.floats(0.01, 100),
    st.floats(-100, 100),
)
def test_there_and_back(value, unit, scale, offset):
    conversion = Conversion(unit=unit, scale=scale, offset=offset)
    factor = UNITS[unit][0] * scale
    sent = from_homekit(conversion, TEMPERATURE, f"{value:.3f}")
    [back] = to_homekit(conversion, TEMPERATURE, sent)
    # What is sent has 6 decimals of the device's unit.
    assert float(back) == pytest.approx(value, abs=1e-3 + factor * 1e-6)


@given(st.text(max_size=40) | st.binary(max_size=40).map(repr), st.sampled_from([ON, TEMPERATURE]))
def test_hostile_payloads_are_values_or_refused(payload, kind):
    for conversion in ({"path": "*.a"}, {"unit": "F"}, {"invert": True}, {"unit_path": "u"}):
        with contextlib.suppress(MappingError):
            found = to_homekit(Conversion(**conversion), kind, payload)
            assert all(isinstance(value, str) for value in found)


def test_a_command_in_the_devices_words():
    relay = Conversion(words={"ON": "1", "OFF": "0"})
    assert [from_homekit(relay, ON, text) for text in "10"] == ["ON", "OFF"]
    blind = Conversion(invert=True)
    assert from_homekit(blind, POSITION, "100") == "0"
    assert parse("WindowCovering", "TargetPosition", from_homekit(blind, POSITION, "30")) == 70


@pytest.mark.parametrize(
    ("conversion", "kind", "text", "sent"),
    [
        ({"scale": 100 / 255}, BRIGHTNESS, "50", "128"),
        ({"scale": 100 / 255}, BRIGHTNESS, "1", "3"),
        ({"scale": 100 / 255}, BRIGHTNESS, "0", "0"),
        ({"scale": 100 / 255}, BRIGHTNESS, "100", "255"),
        ({"scale": 10}, BRIGHTNESS, "55", "5.5"),
        ({"scale": 10, "digits": 0}, BRIGHTNESS, "1", "1"),
        ({"unit": "fraction"}, BRIGHTNESS, "55", "0.55"),
        ({"unit": "F"}, TEMPERATURE, "20.5", "68.9"),
        ({"unit": "K"}, MIRED, "250", "4000"),
        ({"words": {"on": "1", "true": "1", "off": "0"}}, ON, "1", "on"),
        ({"words": {"on": "1", "off": "0"}, "command_words": {"1": "go"}}, ON, "1", "go"),
        ({"words": {"on": "1", "off": "0"}, "command_words": {"1": "go"}}, ON, "0", "off"),
        ({"digits": 1}, TEMPERATURE, "20.55", "20.6"),
    ],
)
def test_what_a_device_is_sent(conversion, kind, text, sent):
    assert from_homekit(Conversion(**conversion), kind, text) == sent


@pytest.mark.parametrize(
    ("template", "values", "payload"),
    [
        ("{value}", {"value": "ON"}, "ON"),
        ('{"state": "{value}"}', {"value": "ON"}, '{"state": "ON"}'),
        ('{"level": {value}}', {"value": "12"}, '{"level": 12}'),
        ({"state": "{value}"}, {"value": "ON"}, '{"state":"ON"}'),
        ({"level": "{value}"}, {"value": "12"}, '{"level":12}'),
        ({"on": "{value}"}, {"value": "true"}, '{"on":true}'),
        ({"text": "to {value}"}, {"value": "12"}, '{"text":"to 12"}'),
        ({"state_{part}": ["{value}", 1, None]}, {"value": "on", "part": "l1"},
         '{"state_l1":["on",1,null]}'),
        ("pos,{value}", {"value": "30"}, "pos,30"),
    ],
)  # fmt: skip
def test_templates(template, values, payload):
    assert templates.fill(template, values) == payload


def test_settings(tmp_path):
    assert configured("", "") is None
    assert configured("tasmota, homie", "").presets == ("tasmota", "homie")
    with pytest.raises(SettingsError, match="no preset 'tasmato'"):
        configured("tasmato", "")
    file = tmp_path / "mapping.json"
    file.write_text('{"presets": ["homie"]}')
    assert configured("tasmota", str(file)).presets == ("homie", "tasmota")
