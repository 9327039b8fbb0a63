"""A device's raw value becomes a HomeKit value, or is refused with a reason.

Strict where HAP-python is lenient (it takes "false" for true and stores what is not finite), and
forgiving where there is no doubt what is meant: words for states, fractions of whole numbers, a
version with something around it, a name with a character that HomeKit does not take.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import unicodedata
from typing import TypeVar

from contracts.errors import ContractError
from contracts.homekit.definitions import CHARACTERISTICS, SERVICES, Characteristic, belongs
from contracts.homekit.words import meaning
from contracts.reading import Value

__all__ = ["BadValue", "clean_name", "parse", "proper_name"]

_Number = TypeVar("_Number", int, float)
# Longer than any number in a finite range; guards int() against megabytes of digits.
_LONGEST_NUMBER = 64
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_FLOAT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE | re.ASCII)
# What stands around a version differs: v1.2.3, 12.3.1(tasmota), 20230913-112003/v1.14.0-gcb84623.
_REVISION = re.compile(r"(?<![0-9.])[0-9]{1,9}(?:\.[0-9]{1,9}){1,2}", re.ASCII)
_NUMBER = re.compile(r"(?<![0-9])[0-9]{1,9}(?![0-9])", re.ASCII)
# HomeKit ignores accessories whose serial number or model is a single character.
_TWO_OR_MORE = frozenset({"SerialNumber", "Model"})
_REVISIONS = frozenset({"FirmwareRevision", "HardwareRevision"})
_NAMES = frozenset({"Name", "ConfiguredName"})
_NAME_LENGTH = 64
_APOSTROPHES = "'\u2019"


class BadValue(ContractError):  # noqa: N818  # reads as what it is: a bad value
    """A value is not allowed for its characteristic.

    `kind` is one of: service, characteristic (unknown, or they do not belong together), empty,
    format, not-finite, range, length, name. For a number out of range `limit` is the allowed value
    nearest to it, and `far` says that it lies further beyond than half of the range is wide: no
    reading with a little too much, but something else.
    """

    def __init__(
        self, kind: str, message: str, *, limit: Value | None = None, far: bool = False
    ) -> None:
        super().__init__(message)
        self.kind, self.limit, self.far = kind, limit, far


def parse(
    service: str,
    characteristic: str,
    raw: str | bool | float,
    kind: Characteristic | None = None,
) -> Value:
    """The value in its HAP format: bool, int, float (finite) or str.

    `raw` is a plain topic's payload as text, or a JSON value of a `$batch`. `kind` is the
    characteristic with a series' own limits; without it the widest are allowed that an accessory
    may have. Raises BadValue.
    """
    if service not in SERVICES:
        raise BadValue("service", f"no HomeKit service is called {_shown(service)}")
    if characteristic not in CHARACTERISTICS:
        raise BadValue(
            "characteristic", f"no HomeKit characteristic is called {_shown(characteristic)}"
        )
    if not belongs(service, characteristic):
        raise BadValue("characteristic", f"{service} has no characteristic {characteristic}")
    kind = kind or CHARACTERISTICS[characteristic]
    if isinstance(raw, str) and raw == "":
        raise BadValue("empty", f"{characteristic}: empty value")
    if kind.format == "bool":
        return _bool(kind, raw)
    if kind.integral:
        return _within(kind, _int(kind, raw))
    if kind.format == "float":
        return _within(kind, _float(kind, raw))
    return _text(kind, raw)


def proper_name(text: str) -> bool:
    """Whether HomeKit takes it as a name.

    1 to 64 letters, digits, spaces and apostrophes, the first and the last a letter or digit.
    """
    return text != "" and clean_name(text) == text


def clean_name(text: str) -> str:
    """What HomeKit takes of a name (see `proper_name`); empty where nothing is left of it.

    Each character that is not allowed becomes a space, and several spaces one.
    """
    spaced = "".join(c if _in_names(c) else " " for c in text)
    words = " ".join(spaced.split())
    first = next((n for n, c in enumerate(words) if c.isalnum()), len(words))
    return _without_end(words[first:][:_NAME_LENGTH])


def _in_names(c: str) -> bool:
    # Marks too: what Hindi or Thai writes is letters with marks.
    return c in _APOSTROPHES or unicodedata.category(c)[0] in "LMN"


def _without_end(text: str) -> str:
    """Without what no name may end with; a mark belongs to the letter before it."""
    while text and not text[-1].isalnum() and unicodedata.category(text[-1])[0] != "M":
        text = text[:-1]
    return text


def _shown(text: str) -> str:
    return repr(text if len(text) <= 64 else text[:61] + "...")


def _wrong(kind: Characteristic, raw: object) -> BadValue:
    return BadValue("format", f"{kind.name}: {_shown(str(raw))} is not {kind.format}")


def _bool(kind: Characteristic, raw: str | bool | float) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, int) and raw in (0, 1):
        return raw == 1
    if isinstance(raw, str):
        found = {"1": 1, "0": 0}.get(raw, meaning(kind, raw))
        if found is not None:
            return found == 1
    raise _wrong(kind, raw)


def _int(kind: Characteristic, raw: str | bool | float) -> int:
    if isinstance(raw, bool):
        if kind.two_state:
            return int(raw)
        raise _wrong(kind, raw)
    if isinstance(raw, str):
        word = meaning(kind, raw) if not raw[:1].isdigit() else None
        if word is not None:
            return word
        if len(raw) <= _LONGEST_NUMBER and _INTEGER.fullmatch(raw):
            return int(raw)
    number = _float(kind, raw)
    if kind.valid and not number.is_integer():
        raise _wrong(kind, raw)  # there is nothing between two states
    return math.floor(number + 0.5)


def _float(kind: Characteristic, raw: str | bool | float) -> float:
    if isinstance(raw, bool):
        raise _wrong(kind, raw)
    if isinstance(raw, str) and (len(raw) > _LONGEST_NUMBER or not _FLOAT.fullmatch(raw)):
        raise _not_a_number(kind, raw)
    return _finite(kind, raw)


def _finite(kind: Characteristic, raw: str | float) -> float:
    try:
        number = float(raw)
    except OverflowError:  # an integer with more digits than a float can hold
        number = math.inf
    if not math.isfinite(number):
        raise BadValue("not-finite", f"{kind.name}: {_shown(str(raw)[:80])} is not finite")
    return number


def _not_a_number(kind: Characteristic, raw: str) -> BadValue:
    if _NOT_FINITE.fullmatch(raw):
        return BadValue("not-finite", f"{kind.name}: {_shown(raw)} is not finite")
    return _wrong(kind, raw)


def _within(kind: Characteristic, number: _Number) -> _Number:
    if kind.valid:
        if number in kind.valid:
            return number
        allowed = ", ".join(map(str, kind.valid))
        raise BadValue("range", f"{kind.name}: {_shown(str(number))} is not one of {allowed}")
    low, high = kind.least, kind.most
    limit = low if low is not None and number < low else None
    limit = high if high is not None and number > high else limit
    if limit is None:
        return number
    width = math.inf if low is None or high is None else high - low
    raise BadValue(
        "range",
        f"{kind.name}: {_shown(str(number))} is not in {low} to {high}",
        limit=int(limit) if kind.integral else float(limit),
        far=abs(number - limit) > width / 2,
    )


def _text(kind: Characteristic, raw: str | bool | float) -> str:
    if not isinstance(raw, str):
        raise _wrong(kind, raw)
    if kind.name in _NAMES:
        return _name(kind, raw)
    if len(raw) > kind.length:
        raise BadValue("length", f"{kind.name}: {len(raw)} characters, at most {kind.length}")
    if kind.format in ("tlv8", "data"):
        return _blob(kind, raw)
    if kind.name in _REVISIONS:
        return _revision(kind, raw)
    if kind.name in _TWO_OR_MORE and len(raw) < 2:
        raise BadValue("length", f"{kind.name}: at least 2 characters")
    if any(unicodedata.category(c) in {"Cc", "Cs"} for c in raw):
        raise BadValue("format", f"{kind.name}: control characters")
    return raw


def _name(kind: Characteristic, raw: str) -> str:
    cleaned = clean_name(raw)
    if cleaned:
        return cleaned
    if len(raw) > kind.length:
        raise BadValue("length", f"{kind.name}: {len(raw)} characters, at most {kind.length}")
    raise BadValue("name", f"{kind.name}: {_shown(raw)} is no name that HomeKit takes")


def _revision(kind: Characteristic, raw: str) -> str:
    found = _REVISION.search(raw) or _NUMBER.search(raw)
    if found is None:
        raise BadValue("format", f"{kind.name}: {_shown(raw)} is not x.y.z in digits")
    return found[0]


def _blob(kind: Characteristic, raw: str) -> str:
    """Base64; for tlv8 of well-formed type, length, value triples."""
    try:
        data = base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(kind, raw) from None
    at = 0
    while kind.format == "tlv8" and at < len(data):
        at += 2 + (data[at + 1] if at + 1 < len(data) else len(data))
    if kind.format == "tlv8" and at != len(data):
        raise _wrong(kind, raw)
    return raw
