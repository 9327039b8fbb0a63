"""What is drawn: one series over a time, as it was measured or as a rollup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from contracts.homekit.quantities import Quantity, Shape

__all__ = [
    "BinRanges",
    "ChartMark",
    "ChartMove",
    "RawPoints",
    "Trace",
    "UsualHour",
    "missing_ranges",
    "usual_interval",
]

# A wake that found no WiFi is no gap yet; two in a row are.
_MISSED = 2.5


@dataclass(frozen=True, slots=True)
class RawPoints:
    """Values as measured. `at` in ms since the epoch, rising; as many values."""

    at: Sequence[int]
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class BinRanges:
    """A rollup: what a series did in each bin that begins at `at` (ms) and is `width` ms long.

    `ends` says where bins end that are not all as long (days on which a clock is changed).
    Bins without readings are left out. `line` is what its line shows, called `what`: the mean.
    `shares` are for which part of each bin a state was another one than 0; empty: not known.
    """

    at: Sequence[int]
    width: int
    line: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    what: str = "mean"
    ends: Sequence[int] = ()
    shares: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class ChartMark:
    """Something to point at: a finding's moment (ms), the value there, and its sentence."""

    at: int
    value: float | None
    text: str


@dataclass(frozen=True, slots=True)
class UsualHour:
    """What is usual from one moment to another (ms)."""

    at: int
    end: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ChartMove:
    """A moment (ms) at which a device came to be elsewhere, or another; and what happened.

    `icon` is one of Material Icons.
    """

    at: int
    text: str
    icon: str = "place"


@dataclass(frozen=True, slots=True)
class Trace:
    """One series in a chart.

    `missing` is where readings are missing (from, to; ms), in order: from the last one there is to
    the next. `held_until` (ms) is how long the last state is known to have held: the device was
    heard then.
    """

    name: str
    kind: Quantity
    data: RawPoints | BinRanges
    missing: Sequence[tuple[int, int]] = ()
    bars: bool = False
    held_until: int | None = None
    marks: Sequence[ChartMark] = field(default_factory=tuple)
    usual: Sequence[UsualHour] = ()

    @property
    def steps(self) -> bool:
        """Whether a value holds until the next one."""
        return self.kind.shape is Shape.STEPS or isinstance(self.data, BinRanges)


def usual_interval(times: Sequence[int]) -> int | None:
    """The interval (ms) of times that come regularly; None where they do not."""
    if len(times) < 8:
        return None
    steps = sorted(b - a for a, b in pairwise(times))
    usual = median(steps)
    # Nine in ten at most half as long again: what merely changes now and then is not regular.
    often = steps[int(len(steps) * 0.9) - 1]
    return int(usual) if usual > 0 and often <= 1.5 * usual else None


def missing_ranges(
    times: Sequence[int], interval: int, since: int, until: int
) -> list[tuple[int, int]]:
    """Where readings are missing that come every `interval` ms, in since..until (ms)."""
    ranges = []
    before = since
    for at in [*times, until]:
        if at - before > interval * _MISSED:
            ranges.append((before, at))
        before = at
    return ranges
