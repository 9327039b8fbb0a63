"""A device's raw value becomes a HomeKit value, or is refused with a reason.

Strict where HAP-python is lenient (it takes "false" for true and clamps what is out of range):
a wrong value is refused, never mended, since nobody could tell later what was measured.
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
from contracts.reading import Value

__all__ = ["BadValue", "parse", "proper_name"]

_Number = TypeVar("_Number", int, float)
# Longer than any number in a finite range; guards int() against megabytes of digits.
_LONGEST_NUMBER = 64
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_FLOAT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE | re.ASCII)
_REVISION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,2}", re.ASCII)
_WORDS = {"1": True, "true": True, "0": False, "false": False}
# HomeKit ignores accessories whose serial number or model is a single character.
_TWO_OR_MORE = frozenset({"SerialNumber", "Model"})
_REVISIONS = frozenset({"FirmwareRevision", "HardwareRevision"})
_NAMES = frozenset({"Name", "ConfiguredName"})


class BadValue(ContractError):  # noqa: N818  # reads as what it is: a bad value
    """A value is not allowed for its characteristic.

    `kind` is one of: service, characteristic (unknown, or they do not belong together), empty,
    format, not-finite, range, length, name.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def parse(service: str, characteristic: str, raw: str | bool | float) -> Value:
    """The value in its HAP format: bool, int, float (finite) or str.

    `raw` is a plain topic's payload as text, or a JSON value of a `$batch`. Raises BadValue.
    """
    if service not in SERVICES:
        raise BadValue("service", f"no HomeKit service is called {_shown(service)}")
    if characteristic not in CHARACTERISTICS:
        raise BadValue(
            "characteristic", f"no HomeKit characteristic is called {_shown(characteristic)}"
        )
    if not belongs(service, characteristic):
        raise BadValue("characteristic", f"{service} has no characteristic {characteristic}")
    kind = CHARACTERISTICS[characteristic]
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

    1 to 64 characters, the first and the last a letter or digit, no emoji, no control characters.
    """
    if not 1 <= len(text) <= 64 or not (text[0].isalnum() and text[-1].isalnum()):
        return False
    # Letters, marks, numbers, punctuation, spaces; not symbols (So: emoji), controls, surrogates.
    return all(
        unicodedata.category(c)[0] in "LMNP" or unicodedata.category(c) in {"Zs", "Sm", "Sc"}
        for c in text
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 64 else text[:61] + "...")


def _wrong(kind: Characteristic, raw: object) -> BadValue:
    return BadValue("format", f"{kind.name}: {_shown(str(raw))} is not {kind.format}")


def _bool(kind: Characteristic, raw: str | bool | float) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, int) and raw in (0, 1):
        return raw == 1
    if isinstance(raw, str) and raw in _WORDS:
        return _WORDS[raw]
    raise _wrong(kind, raw)


def _int(kind: Characteristic, raw: str | bool | float) -> int:
    if isinstance(raw, str):
        if len(raw) > _LONGEST_NUMBER or not _INTEGER.fullmatch(raw):
            raise _not_a_number(kind, raw)
        return int(raw)
    if isinstance(raw, bool) or not _finite(kind, raw).is_integer():
        raise _wrong(kind, raw)
    return int(raw)


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
    if kind.valid and number not in kind.valid:
        allowed = ", ".join(map(str, kind.valid))
        raise BadValue("range", f"{kind.name}: {number} is not one of {allowed}")
    if (kind.minimum is not None and number < kind.minimum) or (
        kind.maximum is not None and number > kind.maximum
    ):
        allowed = f"{kind.minimum} to {kind.maximum}"
        raise BadValue("range", f"{kind.name}: {_shown(str(number))} is not in {allowed}")
    return number


def _text(kind: Characteristic, raw: str | bool | float) -> str:
    if not isinstance(raw, str):
        raise _wrong(kind, raw)
    if len(raw) > kind.length:
        raise BadValue("length", f"{kind.name}: {len(raw)} characters, at most {kind.length}")
    if kind.format in ("tlv8", "data"):
        return _blob(kind, raw)
    if kind.name in _NAMES and not proper_name(raw):
        raise BadValue("name", f"{kind.name}: {_shown(raw)} is no name that HomeKit takes")
    if kind.name in _REVISIONS and not _REVISION.fullmatch(raw):
        raise BadValue("format", f"{kind.name}: {_shown(raw)} is not x.y.z in digits")
    if kind.name in _TWO_OR_MORE and len(raw) < 2:
        raise BadValue("length", f"{kind.name}: at least 2 characters")
    if any(unicodedata.category(c) in {"Cc", "Cs"} for c in raw):
        raise BadValue("format", f"{kind.name}: control characters")
    return raw


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
