"""Rules as people say them, and said again."""

from __future__ import annotations

import pytest

from hub.notifications.errors import RuleRefusedError
from hub.notifications.model import Rule, RuleKind, sentence
from hub.notifications.phrases import Whereabouts, parse

WHERE = Whereabouts(
    {"cellar": [1], "house/cellar": [1], "school": [2], "hall": [3, 4], "a/hall": [3]},
    {"fridge": ["esp_1"], "esp_1": ["esp_1"], "back door": ["esp_2"]},
)
NAMES = {1: "Cellar", 2: "School", 3: "A/Hall", "esp_1": "Fridge", "esp_2": "Back door"}


@pytest.mark.parametrize(
    ("said", "again"),
    [
        ("Cellar below 3 degrees for 20 min", "Cellar: temperature below 3 °C for 20 min"),
        ("fridge is above 8,25 °C for 100 minutes",
         "Fridge: temperature above 8.25 °C for 100 min"),
        ("Fridge above \u221218 for 2 days", "Fridge: temperature above -18 °C for 2 days"),
        ("House/Cellar humidity over 70 %", "Cellar: relative humidity above 70 %"),
        ("School CO2 above 1400 for 15 min",
         "School: carbon dioxide level above 1400 ppm for 15 min"),
        ("above 1400 ppm", "Carbon dioxide level above 1400 ppm"),
        ("Back door open for 10 min", "Back door: contact open for 10 min"),
        ("a/hall leak", "A/Hall: leak"),
        ("leak", "Leak"),
        ("Fridge battery level below 20 %", "Fridge: battery level below 20 %"),
        ("School: battery below 10 % or empty within 14 days",
         "School: battery below 10 %, or empty within 14 days"),
        ("battery low", "Battery low"),
        ("Cellar silent", "Cellar: silent, 2 reports missed"),
        ("silent for 5 wakes", "Silent, 5 reports missed"),
        ("School odd", "School: unusual values"),
        ("rollout halted", "A rollout halted"),
        ("hook failed", "A hook's run failed or passed"),
        ("Backup failed", "The backup failed"),
        ("hub away for 2 h", "The hub, or its broker, was away for more than 2 h"),
        ("the disk is nearly full", "The disk is nearly full"),
        ("tunnel down for 10 min", "A site's tunnel is down for 10 min"),
        ("Power above 2000 W", "Power above 2000 W"),
        ("Back door open for 5 min between 22:00 and 6:00",
         "Back door: contact open for 5 min between 22:00 and 06:00"),
        ("silent from 8 to 16", "Silent, 2 reports missed between 08:00 and 16:00"),
        ("Fridge above 8, only 20:00-24:00",
         "Fridge: temperature above 8 °C between 20:00 and 00:00"),
    ],
)  # fmt: skip
def test_a_sentence_says_the_same_again(said, again):
    found = parse(said, WHERE)
    named = NAMES.get(found.place), NAMES.get(found.device)
    rule = Rule(1, "", found.kind, found.options, found.place, found.device, *named)
    assert sentence(rule) == again
    assert parse(again, WHERE) == found


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("Celar below 3", "is it cellar"),
        ("Hall below 3", "name of several"),
        ("Fridge below 40 °F", "in °C"),
        ("below 4 bananas", "what is measured in bananas"),
        ("Fridge humidity below 4 °C", "what is measured"),
        ("Fridge above 8 between 25:00 and 26:00", "no time of day"),
        ("Fridge above 8 between 7:00 and 7:00", "begin and end at the same time"),
        ("", "is not understood"),
        ("make me a sandwich", "is not understood"),
    ],
)
def test_what_is_not_understood_says_why(said, why):
    with pytest.raises(RuleRefusedError, match=why):
        parse(said, WHERE)


def test_kinds():
    assert parse("Fridge above 8", WHERE).kind is RuleKind.VALUE
    assert parse("esp_1 silent", WHERE).device == "esp_1"
