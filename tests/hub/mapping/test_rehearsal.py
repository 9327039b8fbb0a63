"""`dormouse mapping test`: what a message would say."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from hub.mapping.commands import app
from hub.mapping.rehearsal import rehearse
from hub.mapping.rules import Mapping
from hub.mapping.translator import Translator
from tests.hub.mapping.said import said


def tried(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["test", *arguments])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("arguments", "status", "said_"),
    [
        (["stat/plug/POWER2", "ON"], 0,
         ["rule for this topic: tasmota: stat/{device}/POWER{number}",
          "plug/Switch/1/On: True   (command: cmnd/plug/POWER2 ON)"]),
        (["tele/plug/SENSOR", '{"SI7021": {"Temperature": 68, "DewPoint": 3}, "TempUnit": "F"}'], 0,
         ["plug/TemperatureSensor/CurrentTemperature: 20.0", "no rule reads SI7021.DewPoint"]),
        (["tele/plug/SENSOR", '{"Time": "x"}'], 1,
         ["nothing was found for tasmota: TemperatureSensor/CurrentTemperature at *.Temperature",
          "no rule reads Time"]),
        (["tele/plug/SENSOR", "{"], 0, ["refused, counted as mapping", "the payload is not JSON"]),
        (["tele/plug/SENSOR", '{"AM2301": {"Humidity": 120}}'], 0,
         ["counted as range", "100.0 is shown"]),
        (["tele/plug/LWT", "Offline"], 0, ["plug: is gone"]),
        (["tele/plug/UPTIME", "{}"], 1, ["no rule is for this topic"]),
        (["HomeKit/plug/Switch/On", "on"], 0,
         ["plug/Switch/On: True   (command: HomeKit/plug/Switch/On/set 1)"]),
        (["HomeKit/plug/Switch/Nix", "on"], 0, ["counted as characteristic"]),
    ],
)  # fmt: skip
def test_a_message_is_tried_without_a_hub(arguments, status, said_):
    code, output = tried("--presets", "tasmota", *arguments)
    assert code == status, output
    for line in said_:
        assert line in output


def test_a_file_is_tried(tmp_path):
    topic = {"topic": "g/{device}", "service": "HumiditySensor", "path": "h",
             "characteristic": "CurrentRelativeHumidity"}  # fmt: skip
    file = tmp_path / "mapping.json"
    file.write_text(json.dumps({"devices": {"bed": {"topics": [topic]}}}))
    code, output = tried("--mapping", str(file), "g/bed", '{"h": 40}')
    assert code == 0
    assert "bed/HumiditySensor/CurrentRelativeHumidity: 40.0" in output


def test_nothing_of_it_is_kept():
    learned: list[str] = []
    translator = Translator(Mapping(presets=("homie",)))
    translator.parts._on_learned = learned.append
    said(translator, "homie/box/a/temperature", "20")
    learned.clear()
    found = rehearse(translator, "homie/box/b/temperature", b"20")
    assert found.says[0].what == "box/TemperatureSensor/1/CurrentTemperature"
    assert learned == []
    assert said(translator, "homie/box/c/temperature", "20") == [
        ("box/TemperatureSensor/1/CurrentTemperature", "20")
    ]
