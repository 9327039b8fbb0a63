"""The values that travel through the hub: what a series is, what a reading is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeAlias

__all__ = [
    "AS_SENT",
    "ClockReference",
    "Identity",
    "Reading",
    "SeriesKey",
    "SourceScale",
    "Value",
]

Value: TypeAlias = bool | int | float | str
"""A characteristic's value in its HAP format: bool, int (uint8..int), float (finite) or string."""


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """What a series of readings is of: one characteristic of one service of one device.

    `service` and `characteristic` are HAP's names; `index` counts a device's services of that
    type from 0.
    """

    device: str
    service: str
    index: int
    characteristic: str

    @property
    def name(self) -> str:
        """Its service and characteristic: `TemperatureSensor/1/CurrentTemperature`.

        Index 0 is left out.
        """
        index = f"/{self.index}" if self.index else ""
        return f"{self.service}{index}/{self.characteristic}"

    @property
    def full_name(self) -> str:
        """The same with its device before: how the API names a series."""
        return f"{self.device}/{self.name}"


class Identity(NamedTuple):
    """What makes a `$batch` reading unique on its device.

    `boot` is the device's boot identity (8 hex digits, new whenever RTC memory was lost), `seq`
    counts its readings from 1.
    """

    boot: str
    seq: int


class ClockReference(NamedTuple):
    """By which clock of the hub's something was dated.

    `boot` identifies the machine's start, `offset` (s) is what its wall clock said at it.
    """

    boot: str
    offset: float


@dataclass(frozen=True, slots=True)
class SourceScale:
    """How the numbers that a source sends are read: in `unit`, then gain * number + offset.

    `unit` is empty where it is the characteristic's own, or none is named.
    """

    unit: str = ""
    gain: float = 1.0
    offset: float = 0.0


AS_SENT = SourceScale()
"""The numbers as they are."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one series.

    `at` is when it was measured (aware, UTC) as well as the hub can know; `identity` is None for
    a plain topic; `redelivered` says that the broker may have delivered it before (MQTT's DUP
    flag, or a message that waited for a session that was resumed); `waited` is for how long, in
    seconds, it may have lain at the broker at most. `clock` is by what `at` was found, where it may
    yet have to be corrected. `source` is how its device's number was read; None: nobody knows.
    """

    series: SeriesKey
    value: Value
    at: datetime
    identity: Identity | None = None
    redelivered: bool = False
    waited: float = 0.0
    clock: ClockReference | None = None
    source: SourceScale | None = None
