"""What a series is usually like: robust, from its own past weeks. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

__all__ = ["Bin", "Floors", "Measurement", "SeriesProfile", "floors_of", "learn", "quantile"]

Measurement = tuple[float, float]
"""A reading: seconds since the epoch, value."""

Bin = tuple[float, float, float]
"""What a series did in an hour: its start (s since the epoch), lowest, highest value."""

_HOUR, _DAY = 3600, 86400

# Fewer days say nothing of what is usual at an hour of the day.
_DAYS = 10
# Fewer readings say nothing of how they follow each other.
_READINGS = 100
# The usual range is what nearly all of the past weeks stayed within. Three quarters of it more are
# allowed on either side: the weather of the next weeks need not be that of the last. Seeded series
# of rooms and weather so raise less than one false alarm in a hundred days of one series.
_INNER, _WIDER = 0.02, 0.75
# A change is a jump when it is many times the ordinary one and more than nearly all there were:
# who showers every morning sees no alarm for it.
_JUMP_MADS, _JUMP_RARE, _JUMP_MORE = 12.0, 0.999, 1.5
# The spread that the median of absolute deviations stands for in a normal distribution.
_MAD = 1.4826
# How much longer than ever before, and how long at least, a value stays the same.
_STUCK_TIMES, _STUCK_LEAST_S, STUCK_READINGS = 3, 6 * _HOUR, 20


@dataclass(frozen=True, slots=True)
class Floors:
    """What is never worth a word: by how much a range is left, and a jump."""

    range: float
    jump: float


_FLOORS = {
    "°C": Floors(1.0, 2.0),
    "%": Floors(5.0, 10.0),
    "hPa": Floors(5.0, 3.0),
    "ppm": Floors(200.0, 400.0),
    "lx": Floors(100.0, 300.0),
    "µg/m³": Floors(10.0, 30.0),
}


def floors_of(unit: str, typical: float) -> Floors:
    """The floors of a unit; of one without, a tenth and a fifth of what is typical."""
    return _FLOORS.get(unit) or Floors(abs(typical) * 0.1, abs(typical) * 0.2)


@dataclass(frozen=True, slots=True)
class SeriesProfile:
    """What is usual of a series.

    `hours`: for each hour of the day the usual range, None where too little is known; `allowed`:
    the same with the margin. `step` is an ordinary change between two readings,
    `jump` what counts as a jump. `longest` is the longest time in s that a value stayed the same,
    `stuck` how long it may; None for a series that hardly varies. `interval` is how often it is
    read (s), None where that is irregular.
    """

    hours: tuple[tuple[float, float] | None, ...]
    allowed: tuple[tuple[float, float] | None, ...]
    step: float
    jump: float | None
    longest: float
    stuck: float | None
    interval: float | None
    offset: int

    def hour(self, at: float) -> int:
        """The hour of the day of an instant (s since the epoch)."""
        return int((at + self.offset) // _HOUR) % 24


def learn(
    bins: Sequence[Bin], readings: Sequence[Measurement], *, unit: str, offset: int
) -> SeriesProfile:
    """The profile from hourly bins of the past weeks and readings of the past days, in order.

    `offset`: seconds that local time is ahead of UTC.
    """
    middle = median([low for _, low, _ in bins]) if bins else 0.0
    floors = floors_of(unit, middle)
    hours = _hours(bins, offset)
    allowed = tuple(_margin(usual, floors) for usual in hours)
    step, jump = _steps(readings, floors)
    longest, stuck = _runs(readings)
    interval = _interval(readings)
    return SeriesProfile(hours, allowed, step, jump, longest, stuck, interval, offset)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Of sorted values; the nearest one, none in between is made up."""
    return ordered[min(len(ordered) - 1, max(0, round(share * (len(ordered) - 1))))]


def _hours(bins: Sequence[Bin], offset: int) -> tuple[tuple[float, float] | None, ...]:
    """The usual range of each hour, with its neighbours': nature does not keep to the clock."""
    lows: list[list[float]] = [[] for _ in range(24)]
    highs: list[list[float]] = [[] for _ in range(24)]
    days: list[set[int]] = [set() for _ in range(24)]
    for at, low, high in bins:
        local = int((at + offset) // _HOUR)
        for near in (local - 1, local, local + 1):
            lows[near % 24].append(low)
            highs[near % 24].append(high)
        days[local % 24].add(local // 24)
    return tuple(
        (quantile(sorted(lows[hour]), _INNER), quantile(sorted(highs[hour]), 1 - _INNER))
        if len(days[hour]) >= _DAYS
        else None
        for hour in range(24)
    )


def _margin(usual: tuple[float, float] | None, floors: Floors) -> tuple[float, float] | None:
    if usual is None:
        return None
    low, high = usual
    margin = max(floors.range, _WIDER * (high - low))
    return low - margin, high + margin


def _steps(readings: Sequence[Measurement], floors: Floors) -> tuple[float, float | None]:
    changes = sorted(abs(b - a) for (_, a), (_, b) in pairwise(readings))
    if len(changes) < _READINGS:
        return 0.0, None
    ordinary = _MAD * median(changes)
    rare = quantile(changes, _JUMP_RARE)
    return max(ordinary, 0.0), max(_JUMP_MADS * ordinary, _JUMP_MORE * rare, floors.jump)


def _runs(readings: Sequence[Measurement]) -> tuple[float, float | None]:
    """The longest time a value stayed exactly the same, and how long it may from now on."""
    if len(readings) < _READINGS or len({value for _, value in readings}) < 10:
        return 0.0, None
    longest, began = 0.0, readings[0][0]
    for (_, before), (at, value) in pairwise(readings):
        if value != before:
            began = at
        longest = max(longest, at - began)
    return longest, max(_STUCK_TIMES * longest, float(_STUCK_LEAST_S))


def _interval(readings: Sequence[Measurement]) -> float | None:
    steps = sorted(b - a for (a, _), (b, _) in pairwise(readings))
    if len(steps) < _READINGS:
        return None
    usual = median(steps)
    return usual if usual > 0 and quantile(steps, 0.9) <= 1.5 * usual else None
