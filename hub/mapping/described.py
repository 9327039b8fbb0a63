"""What a device says of its own properties: datatype, format, unit and the like. Pure.

Homie's attributes and Zigbee2MQTT's exposes say how far a level goes (0 to 255), what the two
values of a switch are called, whether true is open or closed, and how a colour is written.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from contracts.homekit.definitions import Characteristic
from contracts.homekit.words import meaning
from hub.mapping.profiles import TopicRule
from hub.mapping.units import in_unit, unit_of

__all__ = ["PartFacts", "PropertyFacts", "refined"]

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_LONGEST_RANGE = 100  # characters; three numbers of 17 digits have 70
# Of a range's ends: what is beyond cannot be told from nothing, or from all, by what divides by it.
_LEAST, _MOST = 1e-9, 1e12
_COLORS = frozenset({"rgb", "hsv", "xyz"})
# Percentages of something that goes from nothing to all: without a unit their range is the whole.
_LEVELS = frozenset({
    "Brightness", "RotationSpeed", "Saturation", "CurrentPosition", "TargetPosition",
})  # fmt: skip
_NO = frozenset({"false", "no", "0"})
# A colour temperature beyond this is in kelvin: HomeKit's mired end at 500.
_MIRED_MOST = 1000


@dataclass(frozen=True, slots=True)
class PropertyFacts:
    """Each as the device has written it; empty where it said nothing.

    `format` is a range (`0:255`, `5:30:0.5`), words separated by commas, or kinds of colour;
    `datatype` is one of Homie's, or `binary` where `format` has the words for off and on.
    `settable` is a word for false where it can only be read; `least` and `most` are a range too.
    """

    unit: str = ""
    format: str = ""
    datatype: str = ""
    settable: str = ""
    least: str = ""
    most: str = ""

    @property
    def only_read(self) -> bool:
        """Whether the device says that nobody sets it; one that says nothing may be."""
        return self.settable.strip().casefold() in _NO

    @property
    def range(self) -> str:
        """The format, or what is said of its ends."""
        return self.format or (f"{self.least}:{self.most}" if self.most else "")


@dataclass(frozen=True, slots=True)
class PartFacts:
    """What a device says of one of its parts: its name, and what service it is.

    `service` is None where nothing is said, and empty for what is none of its own (the relay of a
    motor).
    """

    name: str = ""
    service: str | None = None


def refined(rule: TopicRule, kind: Characteristic, facts: PropertyFacts) -> TopicRule:
    """The rule as it is meant for a property of which this is known."""
    unit = unit_of(facts.unit)
    update: dict[str, Any] = {} if unit is None else {"unit": unit}
    if facts.range:
        words = [word for word in facts.range.split(",") if word]
        limits = _limits(facts.range)
        if rule.color is not None:
            update |= _color([word.strip() for word in words])
        elif limits is not None:
            update |= _ranged(rule, kind, limits, unit)
        elif not rule.own_words:
            update |= _worded(rule, kind, facts.datatype, words)
    return rule.model_copy(update=update) if update else rule


def _limits(text: str) -> tuple[float | None, float | None, float | None] | None:
    """Lowest, highest and step of `low:high[:step]`, each None where it is left out.

    None for what is no range.
    """
    parts = [part.strip() for part in text[: _LONGEST_RANGE + 1].split(":")]
    if len(text) > _LONGEST_RANGE or len(parts) not in {2, 3}:
        return None
    if any(part and not _NUMBER.fullmatch(part) for part in parts):
        return None
    low, high, step = (float(part) if part else None for part in (*parts, "")[:3])
    given = [abs(number) for number in (low, high, step) if number]
    return (low, high, step) if all(_LEAST <= one <= _MOST for one in given) else None


def _color(kinds: list[str]) -> dict[str, Any]:
    known = next((kind for kind in kinds if kind in _COLORS), None)
    return {} if known is None else {"color_format": known}


def _ranged(
    rule: TopicRule,
    kind: Characteristic,
    limits: tuple[float | None, float | None, float | None],
    unit: str | None,
) -> dict[str, Any]:
    low, high, step = limits
    if high is None or (low is not None and low >= high):
        return {}
    if kind.unit == "percentage":
        return _whole(kind, low, high, unit)
    if kind.valid or not kind.writable or kind.format not in {"float", "int", "uint8", "uint32"}:
        return {}
    if kind.name == "ColorTemperature" and unit is None and high > _MIRED_MOST:
        return {"unit": "K"}
    return _within(rule, kind, (low, high, step), unit)


def _whole(
    kind: Characteristic, low: float | None, high: float, unit: str | None
) -> dict[str, Any]:
    """A percentage as a share of the device's own range: 0 to 255, or to 1."""
    counts = unit is None and low in {None, 0, 1} and high != 100
    if not counts or not (kind.name in _LEVELS or high <= 1 or high > 100):
        return {}
    fraction = high <= 1 and low is not None  # from 0 to 1; up to 1 it is a count
    scale = {"scale": 100 / high, "offset": 0.0, "digits": None if fraction else 0}
    # A fan with three speeds has three in Home, too.
    return {**scale, "step": 100 / high} if kind.name == "RotationSpeed" and not fraction else scale


def _within(
    rule: TopicRule,
    kind: Characteristic,
    limits: tuple[float | None, float, float | None],
    unit: str | None,
) -> dict[str, Any]:
    """The limits that a device sets, as far as HomeKit takes them."""
    line = in_unit(kind, unit) if unit is not None else (1.0, 0.0)
    low, high, step = limits
    if line is None or low is None or rule.minimum is not None or rule.maximum is not None:
        return {}
    least = low * line[0] + line[1]
    most = high * line[0] + line[1]
    least = least if kind.least is None else max(least, kind.least)
    most = most if kind.most is None else min(most, kind.most)
    if kind.integral:
        least, most = math.ceil(least), math.floor(most)
    if least >= most:
        return {}
    steps = {"step": step * line[0]} if step and line[0] == 1 else {}
    return {"minimum": round(least, 6), "maximum": round(most, 6), **steps}


def _worded(
    rule: TopicRule, kind: Characteristic, datatype: str, words: list[str]
) -> dict[str, Any]:
    """Which words the device has for the values of a state."""
    if len(words) == 2 and kind.two_state and datatype == "binary":
        return {"words": {words[1]: "1", words[0]: "0"}}
    named = {word: meaning(kind, word) for word in words}
    distinct = None not in named.values() and len(set(named.values())) == len(words)
    if datatype == "boolean":  # the words are labels of false and true
        if len(words) != 2 or not distinct:
            return {}
        return {"words": {"true": str(named[words[1]]), "false": str(named[words[0]])}}
    if kind.two_state:
        both = {word: str(value) for word, value in named.items()}
        return {"words": both} if len(words) == 2 and distinct else {}
    # All that the device knows; the preset may have a word for what HAP calls otherwise.
    meant = {word: _meaning_by(rule, word) or named[word] for word in words}
    known = {word: str(value) for word, value in meant.items() if value is not None}
    return {"words": known} if known and kind.valid else {}


def _meaning_by(rule: TopicRule, word: str) -> str | None:
    folded = {one.casefold(): value for one, value in rule.words.items()}
    return folded.get(word.casefold())
