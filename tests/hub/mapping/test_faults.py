"""Rules that cannot work are refused when they are loaded, with line and reason."""

from __future__ import annotations

import json

import pytest

from hub.errors import SettingsError
from hub.mapping.faults import rule_faults
from hub.mapping.rules import PRESETS, Mapping, load_file
from hub.mapping.translator import Translator


def rule(**members):
    return {"devices": {"x": {"topics": [{"topic": "a/{device}", "service": "Switch",
            "characteristic": "On", **members}]}}}  # fmt: skip


def value(name, **members):
    return {"devices": {"x": {"values": {name: members}}}}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("{", "Expecting property name"),
        ('{"presets": [], "presets": []}', "'presets' stands there twice"),
        (value("Switch/Nix"), "HomeKit has no Switch/Nix"),
        (value("Switch/On", unit="ell"), "unit 'ell' is none of"),
        (value("Switch/On", scale=0), "scale 0"),
        (value("TemperatureSensor/CurrentTemperature", unit="kWh"), "cannot be measured in kWh"),
        (value("Switch/On", words={"ON": "2"}), "word 'ON': On: '2' is not bool"),
        (value("Switch/On", path="a..b"), "path 'a..b'"),
        (value("Lightbulb/ColorTemperature", invert=True), "no other side to invert to"),
        (value("Thermostat/TargetTemperature", minimum=30, maximum=5), "is not below maximum"),
        (value("Thermostat/TargetTemperature", maximum=500), "-30 to 100, not 500"),
        (value("Thermostat/TargetHeatingCoolingState", allowed=[7]), "has no value 7"),
        (value("Switch/On", minimum=0), "is no measure"),
        (value("CarbonDioxideSensor/CarbonDioxideLevel", thresholds=[1, 2]), "thresholds: 1,"),
        (value("Switch/On", thresholds=[1]), "nothing follows from Switch/On"),
        ({"models": {"x": {"colour": "red"}}}, "models.x.colour: Extra inputs"),
        ({"presets": ["nix"]}, "there is no preset 'nix': tasmota, homie"),
        ({"devices": {"a b": {}}}, "'a b' is no device's id"),
        ({"gateways": {"z": {"speaks": ["nix"]}}}, "no preset or profile 'nix'"),
        ({"bases": {"tasmota": "x"}}, "base of 'tasmota'"),
        ({"bases": {"homie": "a/#"}}, "no beginning of a topic"),
        ({"prefixes": {"cmnd": "stat"}}, "commands and reports would mix"),
        ({"prefixes": {"tele": "a/b"}}, "'a/b' is no level of a topic"),
        ("[]", "line 1: not a JSON object"),
        (rule(words={"ON": "1", "on": "0"}), "case makes no difference"),
        (rule(command="c/{device}", command_words={"2": "UP"}), "command_words '2': On"),
        (rule(when="mode="), "'mode=' is neither a path nor path=word"),
        (rule(unless=["a", "=heat"]), "'=heat' is neither a path nor path=word"),
        (rule(when="a..b=c"), "path 'a..b'"),
        (rule(path="Dimmer", beside="POWER*"), "without {number} it tells no part"),
        (rule(topic="a/{device}/{name}"), "says whose it is, not both"),
        (rule(command="c/{device}", payload='{{"on": {value}}}'), '{{"on": 0}} is no JSON'),
        ({"profiles": {"own": rule(command="a/c")["devices"]["x"]}},
         "without {device} every device would be told"),
        (rule(topic="a/b"), "needs a level {device}"),
        (rule(topic="a/{device}/{thing}"), "there is no place {thing}"),
        (rule(topic="a/{device}/{node}/{node}"), "a place stands in it twice"),
        (rule(topic="a/+/{device}"), "no + and #"),
        (rule(topic="HomeKit/{device}"), "are the hub's own"),
        (rule(command="a/{device}/{node}/set"), "the topic has no {node}"),
        (rule(command="a/{device}/set", payload="{valeu}"), "nothing is called {valeu}"),
        (rule(command="a/{device}/set", payload="on"), "always be told the same"),
        (rule(command="a/{device}/set", payload='{"on": {value}'), "is no JSON"),
        (rule(payload="x{value}"), "a payload without a command"),
        (rule(service="TemperatureSensor", characteristic="CurrentTemperature",
              command="a/{device}/set"), "HomeKit never writes CurrentTemperature"),
        ({"devices": {"x": {"topics": [
            {"topic": "a/{device}/pump", "service": "Switch", "characteristic": "On"},
            {"topic": "a/{device}/lamp", "service": "Switch", "characteristic": "On"}]}}},
         "this and rule 0 are both of Switch/On: give each a `part`"),
        ({"profiles": {
            "one": {"topics": [{"topic": "a/{device}/{node}", "service": "Switch",
                                "characteristic": "On"}]},
            "two": {"topics": [{"topic": "{node}/x/{device}", "service": "Switch",
                                "characteristic": "On"}]}}},
         "could both claim a device"),
        ({"profiles": {"homie": {}}}, "'homie' is a preset's name"),
        ({"devices": {"x": {"online": [{"topic": "a/{device}", "online": ["1"],
                                        "offline": ["1"]}]}}}, "both online and offline"),
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


def test_a_fault_has_its_line(tmp_path):
    file = tmp_path / "mapping.json"
    file.write_text(
        """{
  "presets": ["tasmota"],
  "devices": {
    "other": {"values": {"Switch/On": {}}},
    "garden": {
      "topics": [
        {"topic": "g/{device}/a", "service": "HumiditySensor",
         "characteristic": "CurrentRelativeHumidity"},
        {"topic": "g/{device}/b", "service": "TemperatureSensor",
         "characteristic": "CurrentTemperature", "unit": "kWh"}
      ]
    }
  }
}"""
    )
    with pytest.raises(SettingsError) as refused:
        load_file(file)
    assert f"{file}: line 9: devices.garden.topics.1: CurrentTemperature cannot be" in str(
        refused.value
    )
    file.write_text('{\n  "models": {\n\n    "m": {"confirm": -1}\n  }\n}')
    with pytest.raises(SettingsError, match=r"line 4: models\.m\.confirm: Input should be"):
        load_file(file)


def test_every_preset_can_work():
    for name, languages in PRESETS.items():
        for profile in languages.values():
            assert list(rule_faults(profile)) == [], name
    assert Translator(Mapping(presets=tuple(PRESETS))).filters
