"""Instants and spans as people say them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from contracts.zones import twice

__all__ = ["TERMINAL_CONTROLS", "Clock", "age", "count", "lasting", "span", "volts"]

TERMINAL_CONTROLS = {
    **{number: f"\\x{number:02x}" for number in (*range(32), *range(127, 160)) if number != 9},
    **{
        number: f"\\u{number:04x}"
        for number in (
            *(0x061C, 0x200E, 0x200F, 0x2028, 0x2029),
            *range(0x202A, 0x202F),
            *range(0x2066, 0x206A),
        )
    },
}
"""For str.translate: what a terminal takes for a command, what makes two lines of one, and what
turns the order of letters round, as visible escapes. A tab stays."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Says instants in local time, as short as they are clear at `now`.

    `zone` None is the machine's own.
    """

    now: datetime
    zone: tzinfo | None = None

    def at(self, instant: datetime) -> str:
        """`14:05` of today; `20 Nov 14:05`; `20 Nov 2025 14:05`.

        With its offset where that time comes twice: `02:30 (+01:00)`.
        """
        here, today = instant.astimezone(self.zone), self.now.astimezone(self.zone)
        if here.date() == today.date():
            return f"{here:%H:%M}{twice(here)}"
        year = "" if here.year == today.year else f"{here:%Y} "
        return f"{here.day} {here:%b} {year}{here:%H:%M}{twice(here)}"

    def ago(self, instant: datetime) -> str:
        """How long ago, in the largest unit that is not too coarse."""
        return span((self.now - instant).total_seconds())


def age(instant: datetime | None, now: datetime) -> str:
    """How long ago an instant is, as `span` says it; `never` without one."""
    return "never" if instant is None else span((now - instant).total_seconds())


def span(seconds: float) -> str:
    """`45 s`, `12 min`, `5 h`, `3 days`."""
    seconds = max(0, seconds)
    if seconds < 90:
        return f"{seconds:.0f} s"
    for length, unit in ((60, "min"), (3600, "h")):
        if seconds < length * (90 if unit == "min" else 48):
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"


def lasting(seconds: float) -> str:
    """`45 s`, `12 min`, `1 h 30 min`, `2 days 3 h`: two units at most."""
    units = (("days", 86400), ("h", 3600), ("min", 60), ("s", 1))
    left, told = round(max(0.0, seconds)), list[str]()
    for name, length in units:
        if left >= length and len(told) < 2 and (name != "s" or not told):
            amount = left // length
            told.append(f"{amount} {'day' if (name, amount) == ('days', 1) else name}")
            left -= amount * length
        elif told:
            break
    return " ".join(told) or "0 s"


def count(number: int, one: str, more: str = "") -> str:
    """`1 wake`, `3 wakes`."""
    return f"{number} {one if number == 1 else more or one + 's'}"


def volts(millivolts: float) -> str:
    """`2.71 V`."""
    return f"{millivolts / 1000:.2f} V"
