"""Whatever a device sends at the topics of every preset: values or problems; commands go on."""

from __future__ import annotations

import contextlib
import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.messages import StateValue
from hub.mapping.paths import MappingError
from hub.mapping.rules import PRESETS, Mapping
from hub.mapping.translator import Translator
from tests.hub.mapping.said import said

# One for all: what one message leaves behind is there at the next, as it is in a hub.
TRANSLATOR = Translator(Mapping(presets=tuple(PRESETS)))
RULES: dict[str, list[str]] = {}
"""Paths by topic."""
for known_route in TRANSLATOR.book.routes:
    if known_route.pattern is not None:
        RULES.setdefault(known_route.pattern.text, []).append(known_route.rule.path)
HOSTILE = [
    None, True, 0, 1, -1, 20.5, 1e308, -0.0, 10**400, "ON", "nan", "1e999", "", "\x00", "9" * 400,
    [], {}, [1, 2, 3], [None] * 120, {"x": 0.3, "y": 0}, {"x": 1e-300, "y": 1e-300},
    {"r": 10**400, "g": 0, "b": 0}, {"hue": 400, "saturation": -5}, "255,0", "#zz", "rgb,1,2",
    "1:2:3", "auto", "cool", "single", "_single", "left_long_press", "furlong",
]  # fmt: skip
PLACES = {
    "device": ["box"], "name": ["A b", "C/d"], "node": ["temp", "power_x", "tvoc", "co"],
    "property": ["x-temperature"], "number": ["0", "1", "99", "999"],
}  # fmt: skip


@st.composite
def message(draw) -> tuple[str, str]:
    """A topic that a rule has, and a payload whose members may be where its values would be."""
    pattern = draw(st.sampled_from(sorted(RULES)))
    places = {name: draw(st.sampled_from(known)) for name, known in PLACES.items()}
    topic = re.sub(r"\{(\w+)(?::[^{}]*)?\}", lambda place: places[place[1]], pattern)
    tree: dict = {}
    for path in draw(st.lists(st.sampled_from(RULES[pattern]), max_size=4)):
        steps = re.findall(r"[^.\[\]\"]+", re.sub(r"\{\w+(:[^}]*)?\}", "1", path))
        inside = tree
        for step in steps[:-1]:
            inside = inside.setdefault(step, {}) if isinstance(inside, dict) else {}
        if steps and isinstance(inside, dict):
            inside[steps[-1].replace("*", "X")] = draw(st.sampled_from(HOSTILE))
    if tree:
        return topic, json.dumps(tree)
    value = draw(st.sampled_from(HOSTILE))
    return topic, value if isinstance(value, str) else json.dumps(value)


@settings(max_examples=200)
@given(message())
def test_every_message_is_a_value_or_a_problem(message):
    topic, payload = message
    for one in TRANSLATOR.translate(topic, payload.encode()):
        if isinstance(one, StateValue):
            TRANSLATOR.kind(one.series)
            with contextlib.suppress(MappingError):  # what only reports
                TRANSLATOR.command(one.series, "1")


def test_a_value_that_is_none_leaves_the_lamp_to_be_commanded():
    """What a lamp said wrong once kept it from being told anything at all."""
    lamp = Translator(Mapping(presets=("zigbee2mqtt",)))
    said(lamp, "zigbee2mqtt/L", {"state": "ON", "brightness": "auto", "color": {"r": 10**400}})
    [state] = [
        one.series
        for one in lamp.translate("zigbee2mqtt/L", b'{"state": "ON"}')
        if isinstance(one, StateValue)
    ]
    assert lamp.command(state, "0") == ("zigbee2mqtt/L/set", '{"state":"OFF"}')
