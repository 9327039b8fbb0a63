"""Whether a device is late, by what it promised and by what the hub could hear. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.homekit.presence import Patience

__all__ = ["Silence", "silence"]


@dataclass(frozen=True, slots=True)
class Silence:
    """What became of the wakes that a device announced.

    `missed` wakes were due and not heard although the hub listened, the first of them at
    `expected`; `excused` were due while it could not listen. `following` is the next one.
    """

    expected: datetime | None
    missed: int
    excused: int
    following: datetime


def silence(
    next_wake_at: datetime,
    interval: float,
    now: datetime,
    away: Sequence[tuple[datetime, datetime]] = (),
    patience: Patience | None = None,
) -> Silence:
    """The wakes that were due at next_wake_at and every `interval` seconds from then on.

    `away` are the times in which nobody could be heard, in order and apart. A wake counts as
    missed when the patience for it is over: an ESP8266's sleep clock is off by several percent.
    """
    patience = patience or Patience()
    interval = max(interval, 1.0)
    slack = timedelta(seconds=patience.margin + patience.share * interval)
    due = math.floor((now - slack - next_wake_at).total_seconds() / interval) + 1
    following = next_wake_at + timedelta(
        seconds=interval * max(0, math.ceil((now - next_wake_at).total_seconds() / interval))
    )
    if due <= 0:
        return Silence(None, 0, 0, following)
    excused = 0
    first = 0  # number of the first wake that is not excused
    for start, end in away:
        low = max(0, math.ceil((start - next_wake_at).total_seconds() / interval))
        # A wake shortly before the hub was back may have tried in vain.
        high = min(due - 1, math.floor((end - next_wake_at).total_seconds() / interval))
        if low > high:
            continue
        excused += high - low + 1
        if low <= first:
            first = max(first, high + 1)
    missed = max(0, due - excused)
    expected = next_wake_at + timedelta(seconds=interval * first) if missed else None
    return Silence(expected, missed, excused, following)
