"""Payloads of other firmware, there and back."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.homekit.definitions import CHARACTERISTICS
from contracts.homekit.values import parse
from hub.errors import SettingsError
from hub.mapping.convert import UNITS, MappingError, from_homekit, to_homekit
from hub.mapping.rules import Conversion, load_file
from hub.mapping.stored import configured

TEMPERATURE = CHARACTERISTICS["CurrentTemperature"]
ON = CHARACTERISTICS["On"]
BRIGHTNESS = CHARACTERISTICS["Brightness"]
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
    ("data", "said"),
    [
        ("{", "Expecting property name"),
        ({"devices": {"x": {"values": {"Switch/Nix": {}}}}}, "HomeKit has no Switch/Nix"),
        ({"devices": {"x": {"values": {"Switch/On": {"unit": "ell"}}}}}, "unit 'ell' is none of"),
        ({"devices": {"x": {"values": {"Switch/On": {"scale": 0}}}}}, "scale 0"),
        ({"models": {"x": {"colour": "red"}}}, "models.x.colour: Extra inputs"),
        ({"presets": ["nix"]}, "there is no preset 'nix': tasmota, homie"),
        ({"devices": {"x": {"topics": [{"topic": "a/b", "service": "Switch",
          "characteristic": "On"}]}}}, "needs a level {device}"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_in_one_line(tmp_path, data, said):
    file = tmp_path / "mapping.json"
    file.write_text(data if isinstance(data, str) else json.dumps(data))
    with pytest.raises(SettingsError) as refused:
        load_file(file)
    assert said in str(refused.value)
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_settings(tmp_path):
    assert configured("", "") is None
    assert configured("tasmota, homie", "").presets == ("tasmota", "homie")
    with pytest.raises(SettingsError, match="no preset 'tasmato'"):
        configured("tasmato", "")
    file = tmp_path / "mapping.json"
    file.write_text('{"presets": ["homie"]}')
    assert configured("tasmota", str(file)).presets == ("homie", "tasmota")
