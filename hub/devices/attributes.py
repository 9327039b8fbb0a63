"""What people note about a device: names with any JSON values, within bounds. No I/O."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from hub.errors import HubError

__all__ = ["AttributesRefusedError", "merged"]

_MOST_BYTES = 8192  # as JSON in UTF-8: notes and inventory numbers, no files
_DEEPEST = 8  # objects and arrays within each other, the whole included
_MOST_NAMES = 100
_LONGEST_NAME = 100  # characters
# The hub notes there whose place a device took.
_RESERVED = "replacements"


class AttributesRefusedError(HubError):
    """Attributes that cannot be kept; `where` is the way to what is wrong, from the outside in."""

    http_status = 422
    exit_status = 2

    def __init__(self, where: str, reason: str) -> None:
        self.where, self.reason = where, reason
        super().__init__(f"{where}: {reason}")


def merged(before: Mapping[str, Any], change: object) -> dict[str, Any]:
    """Attributes after a change: each name's value as a whole, None takes the name away.

    Names have 1 to 100 printable characters, 100 names at most; values are any JSON, 8 deep; all of
    it together is 8192 bytes of JSON at most. Raises AttributesRefusedError.
    """
    if not isinstance(change, Mapping):
        raise AttributesRefusedError("attributes", 'not an object: write {"name": value}')
    for name, value in change.items():
        _refuse_name(name)
        _refuse_value(f"attributes.{name[:_LONGEST_NAME]}", value, 2)
    after = {**before, **change}
    after = {name: value for name, value in after.items() if value is not None}
    if len(after) > _MOST_NAMES:
        raise AttributesRefusedError("attributes", f"{len(after)} names, of {_MOST_NAMES} at most")
    size = len(json.dumps(after, ensure_ascii=False).encode())
    if size > _MOST_BYTES:
        raise AttributesRefusedError(
            "attributes", f"{size} bytes as JSON, of {_MOST_BYTES} at most: take some away"
        )
    return after


def _refuse_name(name: object) -> None:
    if not isinstance(name, str) or not 1 <= len(name) <= _LONGEST_NAME:
        raise AttributesRefusedError(
            "attributes", f"{str(name)[:40]!r} is no name: 1 to {_LONGEST_NAME} characters"
        )
    if not name.isprintable() or name.strip() != name:
        raise AttributesRefusedError(
            "attributes", f"{name!r} is no name: characters that cannot be printed, or outer blanks"
        )
    if name == _RESERVED:
        raise AttributesRefusedError(f"attributes.{name}", "the hub itself keeps that")


def _refuse_value(where: str, value: object, depth: int) -> None:
    if isinstance(value, str):
        _refuse_text(where, value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise AttributesRefusedError(where, "no number that JSON has")
    elif isinstance(value, int) and value.bit_length() > 8 * _MOST_BYTES:
        raise AttributesRefusedError(where, "too long a number")
    elif isinstance(value, Mapping | list):
        if depth > _DEEPEST:
            raise AttributesRefusedError(where, f"more than {_DEEPEST} deep")
        parts = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, part in parts:
            _refuse_text(where, str(key))
            _refuse_value(f"{where}.{key}"[:200], part, depth + 1)


def _refuse_text(where: str, text: str) -> None:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise AttributesRefusedError(where, "a character that the database cannot keep")
