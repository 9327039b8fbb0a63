"""What goes into requests, checked: device ids, series names, instants, numbers of rows."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from contracts.reading import SeriesKey
from contracts.topics import is_device_id

__all__ = [
    "DeviceId",
    "DeviceKey",
    "Instant",
    "Name",
    "Number",
    "SeriesName",
    "series_key",
    "series_name",
]

# The database's numbers are of four bytes.
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""The number of a row."""


def _device_id(text: str) -> str:
    if not is_device_id(text):
        raise ValueError(f"{text[:64]!r} cannot be a device: 1 to 64 letters, digits, - or _")
    return text


DeviceKey = Annotated[
    str,
    AfterValidator(_device_id),
    WithJsonSchema({"type": "string", "pattern": r"^[A-Za-z0-9_-]{1,64}$"}),
]
"""A device's id, as in its topics."""

DeviceId = Annotated[DeviceKey, Path(description="the device's id, as in its topics")]
"""As a part of a path."""

# No control characters (a line break in a name breaks lists and logs), no lone surrogates.
_NAME = r"^[^\x00-\x1f\x7f-\x9f\ud800-\udfff]+$"


def _printable(text: str) -> str:
    if not re.fullmatch(_NAME, text):
        raise ValueError("has characters that cannot be printed")
    return text


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(_printable),
]
"""What people call something."""

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def _in_range(instant: datetime) -> datetime:
    if not _EARLIEST <= instant <= _LATEST:
        raise ValueError("lies before 1970 or after 2200")
    return instant.astimezone(UTC)


def _as_text(instant: object) -> object:
    # pydantic would take "1" for a number of seconds; here an instant is always written out.
    if isinstance(instant, int | float) or (
        isinstance(instant, str) and re.fullmatch(r"[-+0-9.eE]+", instant.strip())
    ):
        raise ValueError("is a number: write 2026-03-01T12:00:00Z")
    # A plus sign that was not escaped arrives as a blank.
    return re.sub(r" (\d\d:?\d\d)$", r"+\1", instant) if isinstance(instant, str) else instant


Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_as_text),
    AfterValidator(_in_range),
    Field(examples=["2026-03-01T12:00:00Z"]),
]
"""An instant with its offset from UTC; given back in UTC."""

SERIES = r"^[A-Za-z0-9_-]{1,64}/[A-Za-z0-9]{1,64}(/[0-9]{1,3})?/[A-Za-z0-9.]{1,64}$"

SeriesName = Annotated[
    str,
    Field(
        pattern=SERIES,
        max_length=200,
        description="device/Service/Characteristic or device/Service/index/Characteristic: "
        "the topic without HomeKit/",
        examples=["esp8266_1a2b3c4d/TemperatureSensor/CurrentTemperature"],
    ),
]


def series_key(name: str) -> SeriesKey:
    """The key of a series' name, which was checked."""
    device, service, *index, characteristic = name.split("/")
    return SeriesKey(device, service, int(index[0]) if index else 0, characteristic)


def series_name(key: SeriesKey) -> str:
    """The name of a series: its topic without HomeKit/."""
    return key.full_name
