"""JSON and names as devices send them, checked: what every message is read with."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, TypeGuard

from contracts.reading import SeriesKey

__all__ = [
    "BOOT",
    "CONTROL",
    "MAX_DEPTH",
    "MAX_INDEX",
    "MAX_JSON",
    "MAX_SEQ",
    "MAX_TEXT",
    "MessageRefusedError",
    "Problem",
    "is_count",
    "is_number",
    "read_object",
    "series_of",
    "show",
]

MAX_JSON = 16 * 1024  # docs/topics.md
MAX_DEPTH = 16  # ours has 4; what shows a report to people and programs ends at 255
MAX_TEXT = 1024  # HAP's longest string is 256 characters; the rest is room for UTF-8
MAX_INDEX = 99  # HAP allows 100 services in an accessory
MAX_SEQ = 2**31 - 2  # the hub keeps them as ranges of 32 bits, which name the number after the last

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.]{0,63}")  # HAP has a PM2.5Density
_INDEX = re.compile(r"0|[1-9][0-9]?")
BOOT = r"^[0-9a-f]{8}$"
_HOLDERS = frozenset({dict, list})
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a message (or one entry of a batch) was refused.

    `kind` is one of a small fixed set of names and safe to count by; `device` is None where no
    device could be named; `detail` is for a person, at most 200 characters.
    """

    kind: str
    device: str | None
    detail: str


class MessageRefusedError(Exception):
    """Parsing ends here; `kind` and `detail` go into the Problem."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


# A device says the same few names again and again; the bound is for floods of made-up ones.
@lru_cache(maxsize=4096)
def series_of(device: str, name: str) -> SeriesKey:
    """The series of `<Service>[/<index>]/<Characteristic>`."""
    rest = name.split("/")
    if len(rest) not in {2, 3}:
        raise MessageRefusedError("arity", f"{len(rest) + 2} levels in {show('/'.join(rest))}")
    index = 0
    if len(rest) == 3:
        if not _INDEX.fullmatch(rest[1]):
            raise MessageRefusedError("index", f"{show(rest[1])} is no index from 0 to {MAX_INDEX}")
        index = int(rest[1])
    for part in (rest[0], rest[-1]):
        if not _NAME.fullmatch(part):
            raise MessageRefusedError("name", f"{show(part)} cannot be a name of HomeKit's")
    return SeriesKey(device, rest[0], index, rest[-1])


def is_count(value: object) -> TypeGuard[int]:
    """Whether it is a whole number from 0 on."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SEQ


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a number of JSON's, which booleans are none of."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def read_object(payload: bytes) -> dict[str, Any]:
    """A JSON object that Postgres can keep: finite numbers, no NUL, valid Unicode, not too deep."""
    if len(payload) > MAX_JSON:
        raise MessageRefusedError("too-large", f"{len(payload)} bytes where {MAX_JSON} are allowed")
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise MessageRefusedError("utf-8", "the payload is not UTF-8") from None
    try:
        found = _DECODER.decode(text)
        if "\\u" in text:  # escapes may hide half a surrogate pair
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise MessageRefusedError("json", f"{error.__class__.__name__}: {error}") from None
    if "\\u0000" in text:
        raise MessageRefusedError("json", "a NUL character")
    if not isinstance(found, dict):
        raise MessageRefusedError("json", "not an object")
    if _is_deeper(found, MAX_DEPTH):
        raise MessageRefusedError("json", f"more than {MAX_DEPTH} objects and lists in each other")
    return found


def _is_deeper(found: dict[str, Any], most: int) -> bool:
    """Whether objects and lists stand in each other more than `most` deep, level by level."""
    level: list[Any] = [found]
    for _ in range(most):
        inner = chain.from_iterable(one.values() if type(one) is dict else one for one in level)
        level = [one for one in inner if type(one) in _HOLDERS]
        if not level:
            return False
    return True


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large")
    return number


# Made once: json.loads makes one at each call that wants something of its own.
_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)


def show(value: object) -> str:
    """A value as a person may see it in a log: short, without control characters."""
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."
