"""Tasmota's discovery message: names, words, and what each output is.

The messages have the form of Tasmota's source (xdrv_12_discovery.ino): retained, one a device.
"""

from __future__ import annotations

import json

import pytest

from contracts.messages import Problem
from contracts.reading import SeriesKey
from hub.mapping.rules import Mapping
from hub.mapping.translator import Translator
from tests.hub.mapping.said import said, sent, values

MAC = "A4CF129D0B15"
CONFIG = f"tasmota/discovery/{MAC}/config"


@pytest.fixture
def tasmota():
    return Translator(Mapping(presets=("tasmota",)))


def config(outputs, **more):
    """What a device with these outputs says of itself: 1 a relay, 2 a lamp, 3 a shutter's."""
    names = ["Ceiling", "Shelf", "Desk", "Porch"][: max(len(outputs), 1)]
    return {
        "ip": "192.168.15.10", "dn": "Living Room", "fn": [*names, *[None] * (8 - len(names))],
        "hn": "plug-2837", "mac": MAC, "md": "Sonoff 4CH", "ty": 0, "if": 0, "ofln": "Offline",
        "onln": "Online", "state": ["OFF", "ON", "TOGGLE", "HOLD"], "sw": "14.2.0", "t": "plug",
        "ft": "%prefix%/%topic%/", "tp": ["cmnd", "stat", "tele"],
        "rl": [*outputs, *[0] * (8 - len(outputs))], "swc": [-1] * 8, "swn": [None] * 8,
        "btn": [0] * 8, "so": {"4": 0, "11": 0, "30": 0, "68": 0, "114": 0}, "lk": 0, "lt_st": 0,
        "bat": 0, "dslp": 0, "sho": [], "sht": [], "ver": 1, **more,
    }  # fmt: skip


def state(**outputs):
    return {"Time": "2025-01-01T00:00:00", "Uptime": "0T00:01:00", **outputs}


def test_who_it_is_once_it_was_heard(tasmota):
    assert said(tasmota, CONFIG, config([1])) == [], "the message alone makes no device"
    found = values(tasmota, "tele/plug/STATE", state(POWER="ON"))
    assert found == {"Switch/On": "1"}
    told = values(tasmota, CONFIG, config([1], sw="14.3.0(tasmota)"))
    assert told == {
        "AccessoryInformation/Name": "Living Room",
        "AccessoryInformation/Model": "Sonoff 4CH",
        "AccessoryInformation/FirmwareRevision": "14.3.0(tasmota)",
        "Switch/On": "1",
    }


def test_names_that_nobody_gave(tasmota):
    unnamed = config([1, 1], dn="Tasmota", fn=["Tasmota", "Tasmota2", *[None] * 6])
    values(tasmota, "tele/plug/STATE", state(POWER1="ON", POWER2="OFF"))
    assert not [name for name in values(tasmota, CONFIG, unnamed) if name.endswith("Name")]


@pytest.mark.parametrize("config_first", [True, False])
def test_friendly_names_of_several_relays(tasmota, config_first):
    found = {}
    if config_first:
        said(tasmota, CONFIG, config([1, 1]))
    found |= values(tasmota, "tele/plug/STATE", state(POWER1="ON", POWER2="OFF"))
    if not config_first:
        found |= values(tasmota, CONFIG, config([1, 1]))
    assert found["Switch/ConfiguredName"] == "Ceiling"
    assert found["Switch/1/ConfiguredName"] == "Shelf"
    assert (found["Switch/On"], found["Switch/1/On"]) == ("1", "0")


@pytest.mark.parametrize("config_first", [True, False])
@pytest.mark.parametrize(
    ("outputs", "services"),
    [
        ([2], {"Lightbulb/On"}),
        ([1, 2], {"Switch/On", "Lightbulb/On"}),
        ([3, 3, 1], {"Switch/On"}),
        ([3, 3], set()),
        ([2, 0, 0, 0], {"Lightbulb/On"}),  # an iFan: the others are its speeds
    ],
)
def test_what_each_output_is(tasmota, config_first, outputs, services):
    heard = state(**{f"POWER{n + 1}": "ON" for n in range(len(outputs))})
    if len(outputs) == 1:
        heard = state(POWER="ON")
    if config_first:
        said(tasmota, CONFIG, config(outputs))
        first = values(tasmota, "tele/plug/STATE", heard)
    else:
        values(tasmota, "tele/plug/STATE", heard)
        gone = [name for name, what in said(tasmota, CONFIG, config(outputs)) if what == "leaves"]
        assert len(gone) == sum(kind != 1 for kind in outputs)
        first = values(tasmota, "tele/plug/STATE", heard)
    # Which index it has depends on its number and on what came first.
    plain = {"/".join(part for part in name.split("/") if not part.isdecimal()) for name in first}
    assert {name for name in plain if name.endswith("/On")} == services


def test_a_lamp_without_levels_is_switched(tasmota):
    said(tasmota, CONFIG, config([1, 2]))
    values(tasmota, "tele/plug/STATE", state(POWER1="ON", POWER2="OFF"))
    assert sent(tasmota, "plug/Lightbulb/1/On", "1") == ("cmnd/plug/POWER2", "ON")
    assert sent(tasmota, "plug/Switch/On", "0") == ("cmnd/plug/POWER1", "OFF")


def test_the_words_of_a_device(tasmota):
    """StateText: what it says, and it takes the same."""
    assert values(tasmota, "stat/plug/POWER", "AN") == {}
    said(tasmota, CONFIG, config([1], state=["AUS", "AN", "WECHSEL", "HALTEN"]))
    assert values(tasmota, "stat/plug/POWER", "AN") == {"Switch/On": "1"}
    assert values(tasmota, "tele/plug/STATE", state(POWER="AUS")) == {"Switch/On": "0"}
    assert sent(tasmota, "plug/Switch/On", "1") == ("cmnd/plug/POWER1", "AN")


def test_a_device_in_deep_sleep_is_offline_and_there(tasmota):
    said(tasmota, "tele/plug/LWT", "Online")
    values(tasmota, "tele/plug/SENSOR", {"DS18B20": {"Id": "1", "Temperature": 20.5}})
    assert ("plug", None) in said(tasmota, CONFIG, config([], dslp=1))
    assert said(tasmota, "tele/plug/LWT", "Offline") == []
    assert tasmota.silent_after("plug") == 25 * 3600
    said(tasmota, CONFIG, config([], dslp=0))
    assert said(tasmota, "tele/plug/LWT", "Offline") == [("plug", False)]


def test_an_emptied_message_takes_back_what_it_said(tasmota):
    said(tasmota, CONFIG, config([2, 1], state=["AUS", "AN", "X", "Y"]))
    values(tasmota, "tele/plug/STATE", state(POWER1="AN", POWER2="AUS"))
    told = said(tasmota, CONFIG, "")
    assert ("plug/Lightbulb/0", "leaves") in told
    assert dict(told)["plug/AccessoryInformation/Name"] == "plug"
    assert dict(told)["plug/Switch/1/ConfiguredName"] == "Switch 2"
    assert values(tasmota, "tele/plug/STATE", state(POWER1="AN")) == {}
    assert values(tasmota, "tele/plug/STATE", state(POWER1="ON")) == {"Switch/On": "1"}
    assert said(tasmota, CONFIG, "") == [], "once"


def test_what_was_a_switch_before_is_the_same_again(tasmota):
    values(tasmota, "tele/plug/STATE", state(POWER1="ON", POWER2="ON"))
    said(tasmota, CONFIG, config([1, 2]))
    values(tasmota, "tele/plug/STATE", state(POWER1="ON", POWER2="ON"))
    said(tasmota, CONFIG, config([1, 1]))
    found = values(tasmota, "tele/plug/STATE", state(POWER1="ON", POWER2="OFF"))
    assert {name: text for name, text in found.items() if name.endswith("/On")} == {
        "Switch/On": "1",
        "Switch/1/On": "0",
    }


def test_a_dimmer_is_a_lamp_whatever_was_forgotten(tasmota):
    said(tasmota, CONFIG, config([2]))
    values(tasmota, "tele/plug/STATE", state(POWER="ON", Dimmer=40))
    told = said(tasmota, CONFIG, "")
    assert ("plug/Lightbulb/0", "leaves") not in told
    assert values(tasmota, "tele/plug/STATE", state(POWER="ON", Dimmer=50)) == {
        "Lightbulb/On": "1",
        "Lightbulb/Brightness": "50",
    }


@pytest.mark.parametrize(
    ("full", "prefixes", "topic"),
    [
        ("%prefix%/%topic%/", ["cmnd", "stat", "tele"], "tele/plug/STATE"),
        ("%topic%/%prefix%/", ["cmnd", "stat", "tele"], "plug/tele/STATE"),
        ("%prefix%/%hostname%/", ["cmnd", "stat", "tele"], "tele/plug-2837/STATE"),
    ],
)
def test_the_full_topic_of_a_device(tasmota, full, prefixes, topic):
    said(tasmota, CONFIG, config([2], ft=full, tp=prefixes))
    assert values(tasmota, topic, state(POWER="ON")) == {"Lightbulb/On": "1"}


@pytest.mark.parametrize(
    ("full", "prefixes"),
    [("home/%prefix%/%topic%/", ["cmnd", "stat", "tele"]),
     ("%prefix%/%topic%/", ["cmnd", "stat", "telemetry"]),
     ("%prefix%/%id%/", ["cmnd", "stat", "tele"]), (None, None)],
)  # fmt: skip
def test_a_device_that_speaks_where_nobody_listens_is_told_of(tasmota, full, prefixes):
    message = config([1], ft=full, tp=prefixes)
    [problem] = tasmota.translate(CONFIG, json.dumps(message).encode())
    assert isinstance(problem, Problem)
    assert "bases" in problem.detail


@pytest.mark.parametrize("payload", ["{", "[]", "7", '{"t": 5}', '{"t": ""}', "null"])
def test_a_message_that_is_none(tasmota, payload):
    assert said(tasmota, CONFIG, payload) == [("mapping", None)]


@pytest.mark.parametrize(
    "odd",
    [{"rl": None}, {"rl": "1"}, {"rl": [{"a": 1}, 7, None]}, {"fn": 3}, {"state": ["ON", "ON"]},
     {"state": [1, 2]}, {"dn": ["x"]}, {"sw": None}, {"md": 7}],
)  # fmt: skip
def test_members_that_are_none(tasmota, odd):
    said(tasmota, CONFIG, config([1], **odd))
    assert values(tasmota, "tele/plug/STATE", state(POWER="ON"))["Switch/On"] == "1"


def test_what_was_said_is_kept(tasmota):
    said(tasmota, CONFIG, config([2], state=["AUS", "AN", "X", "Y"]))
    values(tasmota, "tele/plug/STATE", state(POWER="AN"))
    again = Translator(Mapping(presets=("tasmota",)))
    again.parts.load({"plug": tasmota.parts.record("plug")})
    assert values(again, "tele/plug/STATE", state(POWER="AUS")) == {"Lightbulb/On": "0"}
    assert ("plug/Lightbulb/0", "leaves") in said(again, CONFIG, "")


@pytest.mark.parametrize(("speed", "percent"), [(0, 0), (1, 33), (2, 67), (3, 100)])
def test_the_speeds_of_an_ifan(tasmota, speed, percent):
    found = values(tasmota, "tele/plug/STATE", state(POWER1="ON", FanSpeed=speed))
    assert found["Fan/On"] == str(int(speed > 0))
    assert float(found["Fan/RotationSpeed"]) == pytest.approx(percent, abs=0.5)
    assert sent(tasmota, "plug/Fan/RotationSpeed", str(percent)) == (
        "cmnd/plug/FanSpeed",
        str(speed),
    )
    assert tasmota.kind(SeriesKey("plug", "Fan", 0, "RotationSpeed")).step == 100 / 3


def test_a_gateways_account_may_say_it():
    rules = {"gateways": {"bridge": {"speaks": ["tasmota"]}}}
    translator = Translator(Mapping.model_validate(rules))
    assert "tasmota/discovery/+/config" in translator.gateways()["bridge"][0]
    assert "tasmota/discovery/+/config" in translator.filters
