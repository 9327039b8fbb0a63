"""What the mapping learns is kept: indexes, commands, names and units over restarts."""

from __future__ import annotations

import pytest

from contracts.reading import SeriesKey
from hub.database.key_value import KeyValueStore
from hub.mapping.parts import MappedParts
from hub.mapping.rules import Mapping
from hub.mapping.stored import StoredMapping
from hub.mapping.translator import Translator
from tests.hub.mapping.said import said, sent, values

ALL = Mapping(presets=("tasmota", "homie", "zigbee2mqtt", "shelly"))


async def restarted(key_values, before=None, rules=None):
    if before is not None:
        await before.stop()
    stored = StoredMapping(key_values, rules)
    await stored.start()
    return stored


async def test_all_of_it_survives_a_restart(store):
    key_values = KeyValueStore(store.of("home"), "mapping")
    stored = await restarted(key_values, rules=ALL)
    first = stored.translator
    said(first, "homie/relay1/lamp/on", "true")
    said(first, "stat/relay1/POWER", "ON")
    said(first, "homie/box/in/temperature/$unit", "F")
    said(first, "zigbee2mqtt/Living Room/Lamp", {"state": "ON", "brightness": 9})
    said(first, "zigbee2mqtt/Living Room Lamp", {"temperature": 20})
    said(first, "tele/lamp/STATE", {"POWER": "ON", "Dimmer": 50})
    press = {"event": "S", "event_cnt": 7}
    said(first, "shellies/b/input_event/0", press)
    stored = await restarted(key_values, stored)
    again = stored.translator
    # Before anything was heard: by the rule, topic and part of before.
    assert sent(again, "relay1/Switch/On", "0") == ("homie/relay1/lamp/on/set", "false")
    assert sent(again, "relay1/Switch/1/On", "0") == ("cmnd/relay1/POWER1", "OFF")
    assert sent(again, "Living_Room_Lamp/Lightbulb/On", "0") == (
        "zigbee2mqtt/Living Room/Lamp/set",
        {"state": "OFF"},
    )
    # Not a switch first, and then a lamp again.
    assert said(again, "stat/lamp/POWER", "OFF") == [("lamp/Lightbulb/On", "0")]
    assert values(again, "homie/box/in/temperature", "68") == {
        "TemperatureSensor/CurrentTemperature": "20"
    }
    assert said(again, "zigbee2mqtt/Living Room Lamp", {"temperature": 21})[-1] == (
        "Living_Room_Lamp_2/TemperatureSensor/CurrentTemperature",
        "21",
    )
    assert said(again, "shellies/b/input_event/0", press) == []
    await stored.stop()


async def test_nodes_kept_by_an_older_hub_keep_their_index(store):
    key_values = KeyValueStore(store.of("home"), "mapping")
    nodes = {"box/TemperatureSensor": ["outside", "inside"]}
    await key_values.save("mapping", {"nodes": nodes, "rules": {"presets": ["homie"]}})
    stored = await restarted(key_values)
    assert values(stored.translator, "homie/box/inside/temperature", "20") == {
        "TemperatureSensor/1/CurrentTemperature": "20"
    }
    assert values(stored.translator, "homie/box/attic/temperature", "30") == {
        "TemperatureSensor/2/CurrentTemperature": "30"
    }
    stored = await restarted(key_values, stored)
    assert values(stored.translator, "homie/box/outside/temperature", "5") == {
        "TemperatureSensor/CurrentTemperature": "5"
    }
    await stored.stop()


async def test_rules_that_are_refused_today_do_not_keep_the_hub_from_starting(store):
    key_values = KeyValueStore(store.of("home"), "mapping")
    await key_values.save("mapping", {"rules": {"presets": ["gone"]}})
    stored = await restarted(key_values)
    assert stored.translator.filters == []
    await stored.stop()


def test_a_device_has_no_more_parts_than_homekit_has_services():
    translator = Translator(Mapping(presets=("homie",)))
    for n in range(100):
        said(translator, f"homie/box/n{n}/temperature", "1")
    assert said(translator, "homie/box/n100/temperature", "1") == [("mapping", "box")]
    assert values(translator, "homie/box/n99/temperature", "2") == {
        "TemperatureSensor/99/CurrentTemperature": "2"
    }


def test_numbers_and_nodes_never_share_an_index():
    parts = MappedParts()
    assert parts.learn("d", "Switch", "homie", "lamp") == 0
    assert parts.learn("d", "Switch", "tasmota", "1", wanted=0) == 1
    assert parts.learn("d", "Switch", "tasmota", "2", wanted=1) == 2
    assert parts.learn("d", "Switch", "homie", "lamp") == 0
    assert parts.learn("d", "Switch", "own", "x", wanted=5, fixed=True) == 5


@pytest.mark.parametrize("way", ["HomeKit", "foreign"])
def test_a_command_goes_back_by_the_way_the_series_was_heard_last(way):
    translator = Translator(Mapping(presets=("tasmota",)))
    key = SeriesKey("plug", "Switch", 0, "On")
    said(translator, "stat/plug/POWER", "ON")
    translator.convert(key, "1")  # the same switch on a topic of our own
    if way == "HomeKit":
        assert translator.command(key, "1") == ("HomeKit/plug/Switch/On/set", "1")
    else:
        said(translator, "stat/plug/POWER", "OFF")
        assert translator.command(key, "1") == ("cmnd/plug/POWER1", "ON")


def test_a_device_of_ours_keeps_its_conversion_beside_foreign_topics():
    fahrenheit = {"values": {"TemperatureSensor/CurrentTemperature": {"unit": "F"}}}
    rules = {"presets": ["tasmota"], "devices": {"plug": fahrenheit}}
    translator = Translator(Mapping.model_validate(rules))
    said(translator, "stat/plug/POWER", "ON")
    key = SeriesKey("plug", "TemperatureSensor", 0, "CurrentTemperature")
    assert translator.convert(key, "68") == "20"


def test_rules_of_ones_own():
    topics = [
        {"topic": "garden/{device}/{node}/state", "path": "on", "service": "Switch",
         "characteristic": "On", "words": {"true": "1", "false": "0"},
         "command": "garden/{device}/{node}/set", "payload": {"on": "{value}"}},
        {"topic": "garden/{device}/probe", "path": "probes[*].moisture", "id": ["serial"],
         "service": "HumiditySensor", "characteristic": "CurrentRelativeHumidity"},
        {"topic": "stat/{device}/POWER", "service": "Outlet", "characteristic": "On",
         "words": {"ON": "1", "OFF": "0"}, "command": "cmnd/{device}/POWER"},
    ]  # fmt: skip
    rules = {"presets": ["tasmota"], "devices": {"bed": {"topics": topics, "silent_after": 90000}}}
    translator = Translator(Mapping.model_validate(rules))
    said(translator, "garden/bed/pump 1/state", {"on": False})
    assert sent(translator, "bed/Switch/On", "1") == ("garden/bed/pump 1/set", {"on": True})
    probes = [{"serial": 7, "moisture": 40}, {"serial": 9, "moisture": 50}]
    moist = "HumiditySensor/CurrentRelativeHumidity"
    assert list(values(translator, "garden/bed/probe", {"probes": probes}).values()) == ["40", "50"]
    assert values(translator, "garden/bed/probe", {"probes": probes[1:]}) == {
        moist.replace("/", "/1/"): "50"
    }
    # One's own rule takes a topic before a preset does.
    assert values(translator, "stat/bed/POWER", "ON") == {"Outlet/On": "1"}
    assert sent(translator, "bed/Outlet/On", "0") == ("cmnd/bed/POWER", "OFF")
    assert values(translator, "stat/other/POWER", "ON") == {"Switch/On": "1"}
    assert translator.silent_after("bed") == 90000
    # Another device's rules are not its.
    assert values(translator, "garden/other/x/state", {"on": True}) == {}


def test_a_models_rules_hold_for_that_model_alone():
    topic = {"topic": "acme/{device}/t", "service": "TemperatureSensor",
             "characteristic": "CurrentTemperature"}  # fmt: skip
    translator = Translator(
        Mapping.model_validate({"models": {"acme": {"topics": [topic]}}}),
        model=lambda device: "acme" if device == "a" else None,
    )
    assert values(translator, "acme/a/t", "20") == {"TemperatureSensor/CurrentTemperature": "20"}
    assert values(translator, "acme/b/t", "20") == {}


def test_the_more_definite_topic_says_whose_it_is():
    topics = [{"topic": "{device}/{node}/temperature", "service": "TemperatureSensor",
               "characteristic": "CurrentTemperature"}]  # fmt: skip
    rules = {"presets": ["homie"], "devices": {"homie": {"topics": topics}}}
    translator = Translator(Mapping.model_validate(rules))
    [(series, _)] = said(translator, "homie/box/temperature", "20")
    assert series == "homie/TemperatureSensor/CurrentTemperature"
    found = said(translator, "homie/box/air/temperature", "20")
    assert found == [("box/TemperatureSensor/CurrentTemperature", "20")]


def test_numbers_may_count_from_0_and_from_1():
    topic = {"topic": "acme/{device}/relay/{number}", "service": "Switch", "characteristic": "On",
             "command": "acme/{device}/relay/{number}/set"}  # fmt: skip
    for first, indexes in ((1, ["", "1/"]), (0, ["", "1/"])):
        rules = {"profiles": {"acme": {"topics": [{**topic, "first": first}]}}}
        translator = Translator(Mapping.model_validate(rules))
        for n, index in enumerate(indexes, first):
            assert values(translator, f"acme/a/relay/{n}", "1") == {f"Switch/{index}On": "1"}
            assert sent(translator, f"a/Switch/{index}On", "0") == (f"acme/a/relay/{n}/set", "0")
    # Where nobody has said so, the number alone tells them apart.
    rules = {"profiles": {"acme": {"topics": [topic]}}}
    translator = Translator(Mapping.model_validate(rules))
    for n, index in enumerate(["", "1/", "2/"]):
        assert values(translator, f"acme/a/relay/{n}", "1") == {f"Switch/{index}On": "1"}
        assert sent(translator, f"a/Switch/{index}On", "0") == (f"acme/a/relay/{n}/set", "0")
