"""Payloads to HomeKit's values and back: pure."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from contracts.homekit.definitions import Characteristic
from contracts.homekit.words import meaning
from contracts.reading import AS_SENT, SourceScale
from hub.mapping.colors import hue_saturation
from hub.mapping.paths import MappingError, levels, walk
from hub.mapping.profiles import Conversion
from hub.mapping.units import UNITS, convertible, from_unit, in_unit, unit_of

__all__ = [
    "PART",
    "UNITS",
    "MappingError",
    "as_value",
    "document",
    "fitting_unit",
    "from_homekit",
    "named_unit",
    "part_named",
    "payload_scale",
    "source_scale",
    "to_homekit",
]

# Beyond what sensors resolve, short of where binary fractions show (68.9 F is 20.5 C).
_DIGITS = 6
# A level of 0 means off; a lamp that glows at 1 of 254 is not.
_LEVELS = frozenset({"Brightness", "RotationSpeed"})
_WITH_UNIT = re.compile(r"\s*([+-]?[0-9]+(?:\.[0-9]+)?)\s*([^\s0-9.,].*)")
_LONGEST = 64
PART = "{node}"
"""In a word: the name of the part that it speaks of."""


def to_homekit(conversion: Conversion, kind: Characteristic, payload: str) -> list[str]:
    """The values a payload has, as text that `values.parse` takes; several only with patterns.

    None where the path leads nowhere: a message need not carry everything. Raises MappingError.
    """
    values: list[Any] = [payload]
    tree: Any = None
    if conversion.path or conversion.unit_path:
        tree = document(payload)
    if conversion.path:
        values = [found.value for found in walk(tree, levels(conversion.path))]
    unit = named_unit(conversion, tree)
    texts = (as_value(conversion, kind, raw, unit) for raw in values)
    return [text for text in texts if text is not None]


def document(payload: str) -> Any:
    """The payload as JSON. Raises MappingError."""
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        raise MappingError("the payload is not JSON") from None


def fitting_unit(
    conversion: Conversion, kind: Characteristic, tree: Any, given: str | None
) -> str | None:
    """The same, where the characteristic can be measured in it. Raises MappingError."""
    unit = named_unit(conversion, tree, given)
    units = convertible(kind)
    if unit is not None and units and unit not in units:
        raise MappingError(f"{kind.name} cannot be measured in {unit}: {', '.join(units)}")
    return unit


def named_unit(conversion: Conversion, tree: Any, given: str | None = None) -> str | None:
    """The unit of a message: what it names itself, else what a topic said, else the rule's.

    Raises MappingError for a name that is no unit.
    """
    named: Any = given
    if conversion.unit_path:
        inside = walk(tree, levels(conversion.unit_path))
        named = next((found.value for found in inside), named)
    if named is None or named == "":
        return conversion.unit
    unit = unit_of(named)
    if unit is None:
        raise MappingError(f"unit {str(named)[:40]!r} is not known")
    return unit


def as_value(
    conversion: Conversion, kind: Characteristic, raw: Any, unit: str | None
) -> str | None:
    """A value as text that `values.parse` takes; None where it says nothing.

    Raises MappingError.
    """
    if raw is None:
        return None
    if isinstance(raw, float) and raw in {0.0, 1.0} and kind.two_state:
        raw = int(raw)  # some languages write whole numbers so
    if conversion.color is not None:
        color = hue_saturation(raw, conversion.color_format)
        return None if color is None else _plain(color[conversion.color == "saturation"])
    known, word = _word(conversion, raw, _text(raw))
    if word is None or (not known and conversion.others == "skip"):
        return None
    text = _measured(conversion, kind, word, unit)
    return _inverted(kind, text) if conversion.invert else text


def source_scale(
    conversion: Conversion, kind: Characteristic, raw: Any, unit: str | None
) -> SourceScale:
    """How `as_value` reads a number; states, texts and colours have no scale."""
    if kind.valid or conversion.color is not None or kind.format in {"bool", "string"}:
        return AS_SENT
    if isinstance(raw, str):
        unit = _without_unit(kind, raw, unit)[1]
    if unit is not None and in_unit(kind, unit) == (1, 0):
        unit = None  # by another name the same
    gain, offset = float(conversion.scale), float(conversion.offset)
    if conversion.invert:
        gain, offset = -gain, 100 - offset
    if unit is None and (gain, offset) == (1, 0):
        return AS_SENT
    return SourceScale(unit or "", gain, offset)


def payload_scale(conversion: Conversion, kind: Characteristic, raw: str | float) -> SourceScale:
    """How `to_homekit` reads the first number of a payload. Raises MappingError."""
    payload = _text(raw)
    if not conversion.path and not conversion.unit_path:
        return source_scale(conversion, kind, payload, conversion.unit)
    tree = document(payload)
    found = next(walk(tree, levels(conversion.path)), None) if conversion.path else None
    value = payload if found is None else found.value
    return source_scale(conversion, kind, value, named_unit(conversion, tree))


def part_named(conversion: Conversion, raw: Any) -> tuple[str, str] | None:
    """What a word with a place stands for, and the part that it names; None where it is none.

    `{"{node}_single": "0"}` takes "left_single" for a press of the part "left". A plain word comes
    first, then the one that says most: "left_long_press" is no "{node}_press". One that is null
    says nothing.
    """
    if not isinstance(raw, str) or raw in conversion.words or len(raw) > _LONGEST:
        return None
    found: dict[str, tuple[str | None, str]] = {}
    for word, means in conversion.words.items():
        before, place, after = word.partition(PART)
        inside = raw.removeprefix(before).removesuffix(after)
        if place and inside and raw == f"{before}{inside}{after}":
            found[inside] = means, inside
    if not found:
        return None
    means, inside = found[min(found, key=len)]
    return None if means is None else (means, inside)


def from_homekit(conversion: Conversion, kind: Characteristic, text: str) -> str:
    """The payload for a value that HomeKit wrote (as text: booleans are 1 and 0)."""
    if conversion.invert:
        text = _inverted(kind, text)
    text = _for_device(conversion, kind, text)
    for value, word in conversion.command_words.items():
        if _same(kind, value, text):
            return word
    for word, means in conversion.words.items():
        if means is not None and _same(kind, means, text):
            return word
    return _nearest(conversion, kind, text) or text


def _same(kind: Characteristic, named: str, text: str) -> bool:
    """Whether a rule means this value, be it by a number or by HomeKit's word for it."""
    if named == text:
        return True
    word = meaning(kind, named)
    return word is not None and str(word) == text


def _nearest(conversion: Conversion, kind: Characteristic, text: str) -> str | None:
    """Of a measure for which the device has words alone (low, medium, high) the nearest one."""
    if conversion.others != "skip" or kind.valid or kind.format not in {"float", "uint8", "int"}:
        return None
    try:
        wanted = float(text)
        known = {word: float(m) for word, m in conversion.words.items() if m is not None}
    except ValueError:
        return None
    # A level that is not 0 never becomes 0.
    left = {word: n for word, n in known.items() if n != 0 or wanted == 0 or len(known) == 1}
    return min(left, key=lambda word: abs(left[word] - wanted), default=None)


def _word(conversion: Conversion, raw: Any, text: str) -> tuple[bool, str | None]:
    """What a word stands for, and whether it is one of the rule's."""
    words = conversion.words
    spellings = [text]
    if isinstance(raw, bool):
        spellings += ["true", "True", "TRUE"] if raw else ["false", "False", "FALSE"]
    for spelling in spellings:
        if spelling in words:
            return True, words[spelling]
    folded = {word.casefold(): means for word, means in words.items()}
    for spelling in spellings:
        if spelling.strip().casefold() in folded:
            return True, folded[spelling.strip().casefold()]
    return False, text


def _measured(conversion: Conversion, kind: Characteristic, text: str, unit: str | None) -> str:
    text, unit = _without_unit(kind, text, unit)
    line = in_unit(kind, unit) if unit is not None else (1, 0)
    if line == (1, 0) and (conversion.scale, conversion.offset) == (1, 0):
        return text
    word = meaning(kind, text)
    if word is not None:
        return str(word)
    try:
        number = float(text)
    except ValueError:
        raise MappingError(f"{text[:40]!r} is not a number") from None
    lit = number != 0
    number = from_unit(number) if line is None else number * line[0] + line[1]
    number = number * conversion.scale + conversion.offset
    if not math.isfinite(number):
        raise MappingError(f"{text[:40]!r} is not finite")
    if not kind.integral:
        return _plain(number)
    # A scaled brightness of 0..255 is seldom whole.
    whole = math.floor(number + 0.5)
    return str(max(whole, 1) if lit and kind.name in _LEVELS and number > 0 else whole)


def _without_unit(kind: Characteristic, text: str, unit: str | None) -> tuple[str, str | None]:
    """The number of "68.9 °F", and the unit that it names itself."""
    match = _WITH_UNIT.fullmatch(text) if len(text) < _LONGEST else None
    named = unit_of(match[2]) if match is not None else None
    if match is None or named not in convertible(kind):
        return text, unit
    return match[1], named


def _for_device(conversion: Conversion, kind: Characteristic, text: str) -> str:
    line = in_unit(kind, conversion.unit) if conversion.unit is not None else (1, 0)
    scale, offset = conversion.scale, conversion.offset
    if line == (1, 0) and (scale, offset) == (1, 0):
        return text if conversion.digits is None else _rounded(float(text), conversion.digits)
    wanted = float(text)
    number = (wanted - offset) / scale
    number = from_unit(number) if line is None else (number - line[1]) / line[0]
    digits = conversion.digits
    if digits is None and kind.unit == "percentage" and abs(scale * (line or (1, 0))[0]) <= 1:
        digits = 0  # 0 to 254 or more for 0 to 100 %: steps of the device's own
    if digits is None:
        digits = 0 if line is None else _DIGITS
    sent = _rounded(number, digits)
    if sent == "0" and wanted > 0 and kind.name in _LEVELS:
        return _plain(10.0**-digits)
    return sent


def _inverted(kind: Characteristic, text: str) -> str:
    if kind.unit == "percentage":
        try:
            return _plain(100 - float(text))
        except ValueError:
            raise MappingError(f"{text[:40]!r} is not a number") from None
    swapped = {"0": "1", "1": "0", "true": "false", "false": "true"}
    if text in swapped:
        return swapped[text]
    word = meaning(kind, text) if kind.two_state else None
    if word is None:
        raise MappingError(f"{text[:40]!r} cannot be inverted")
    return str(1 - word)


def _rounded(number: float, digits: int) -> str:
    shift = 10.0**digits
    return _plain(math.floor(number * shift + 0.5) / shift if digits < _DIGITS else number)


def _plain(number: float) -> str:
    """Without exponent or trailing zeros: what every device can read."""
    text = f"{number:.{_DIGITS}f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def _text(raw: Any) -> str:
    if isinstance(raw, bool):
        return "1" if raw else "0"
    if isinstance(raw, str):
        return raw
    if isinstance(raw, int | float):
        return str(raw)
    raise MappingError(f"{str(raw)[:40]!r} is not a value")
