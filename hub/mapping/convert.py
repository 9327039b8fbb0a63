"""Payloads to HomeKit's values and back: pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from contracts.homekit.definitions import Characteristic
from hub.errors import HubError
from hub.mapping.rules import Conversion
from hub.mapping.units import UNITS

__all__ = ["MappingError", "from_homekit", "to_homekit"]

# Beyond what sensors resolve, short of where binary fractions show (68.9 F is 20.5 C).
_DIGITS = 6
_LEVEL = re.compile(r"([^\[\]]*)((?:\[\d+\])*)")


class MappingError(HubError):
    """A payload does not fit its mapping."""


def to_homekit(conversion: Conversion, kind: Characteristic, payload: str) -> list[str]:
    """The values a payload has, as text that `values.parse` takes; several only with `*`.

    None where the path leads nowhere: a message need not carry everything. Raises MappingError.
    """
    values: list[Any] = [payload]
    document: Any = None
    if conversion.path or conversion.unit_path:
        document = _document(payload)
    if conversion.path:
        values = list(_walk(document, _levels(conversion.path)))
    unit = conversion.unit
    if conversion.unit_path:
        unit = next(iter(_walk(document, _levels(conversion.unit_path))), unit)
        if unit is not None and not (isinstance(unit, str) and unit in UNITS):
            raise MappingError(f"unit {str(unit)[:40]!r} is not known")
    return [_value(conversion, kind, raw, unit) for raw in values if raw is not None]


def from_homekit(conversion: Conversion, kind: Characteristic, text: str) -> str:
    """The payload for a value that HomeKit wrote (as text: booleans are 1 and 0)."""
    if conversion.invert:
        text = _inverted(kind, text)
    factor, offset = _line(conversion, conversion.unit)
    if (factor, offset) != (1, 0):
        text = _plain((float(text) - offset) / factor)
    for word, meaning in conversion.words.items():
        if meaning == text:
            return word
    return text


def _value(conversion: Conversion, kind: Characteristic, raw: Any, unit: str | None) -> str:
    text = _text(raw)
    text = conversion.words.get(text, text)
    factor, offset = _line(conversion, unit)
    if (factor, offset) != (1, 0):
        try:
            number = float(text) * factor + offset
        except ValueError:
            raise MappingError(f"{text[:40]!r} is not a number") from None
        if not math.isfinite(number):
            raise MappingError(f"{text[:40]!r} is not finite")
        # A scaled brightness of 0..255 is seldom whole.
        text = str(round(number)) if kind.integral else _plain(number)
    return _inverted(kind, text) if conversion.invert else text


def _line(conversion: Conversion, unit: str | None) -> tuple[float, float]:
    """Unit, then scale and offset, as one factor and one offset."""
    factor, offset = UNITS[unit] if unit is not None else (1, 0)
    return factor * conversion.scale, offset * conversion.scale + conversion.offset


def _inverted(kind: Characteristic, text: str) -> str:
    if kind.unit == "percentage":
        try:
            return _plain(100 - float(text))
        except ValueError:
            raise MappingError(f"{text[:40]!r} is not a number") from None
    swapped = {"0": "1", "1": "0", "true": "false", "false": "true"}
    if text not in swapped:
        raise MappingError(f"{text[:40]!r} cannot be inverted")
    return swapped[text]


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


def _document(payload: str) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        raise MappingError("the payload is not JSON") from None


def _levels(path: str) -> list[str | int]:
    levels: list[str | int] = []
    for part in path.split("."):
        match = _LEVEL.fullmatch(part)
        if match is None:
            raise MappingError(f"path {path!r} is not member names and [n] joined by dots")
        levels += [match[1]] if match[1] else []
        levels += [int(n) for n in re.findall(r"\d+", match[2])]
    return levels


def _walk(document: Any, levels: list[str | int]) -> Iterator[Any]:
    """Every value at a path; none where it leads nowhere."""
    if not levels:
        yield document
        return
    first, rest = levels[0], levels[1:]
    inside: list[Any] = []
    if isinstance(document, dict) and first == "*":
        inside = list(document.values())
    elif isinstance(document, dict) and first in document:
        inside = [document[first]]
    elif isinstance(document, list) and isinstance(first, int):
        inside = document[first : first + 1]
    for member in inside:
        yield from _walk(member, rest)
