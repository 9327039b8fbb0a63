"""What is drawn: one series over a time, as it was measured or as a rollup."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from hub.web.quantities import Quantity, Shape

__all__ = ["Mark", "Points", "Ranges", "Trace", "gaps", "usual_interval"]

# A wake that found no WiFi is no gap yet; two in a row are.
_MISSED = 2.5


@dataclass(frozen=True, slots=True)
class Points:
    """Values as measured. `at` in ms since the epoch, rising; as many values."""

    at: Sequence[int]
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Ranges:
    """A rollup: what a series did in each bin that begins at `at` (ms) and is `width` ms long.

    Bins without readings are left out.
    """

    at: Sequence[int]
    width: int
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to point at: a finding's moment (ms), the value there, and its sentence."""

    at: int
    value: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Trace:
    """One series in a chart.

    `interval` is how often (ms) it is reported, None where nobody can say, as for a switch that
    reports its changes: then silence is no gap. `held_until` (ms) is how long the last state is
    known to have held: the device was heard then.
    """

    name: str
    kind: Quantity
    data: Points | Ranges
    interval: int | None = None
    bars: bool = False
    held_until: int | None = None
    marks: Sequence[Mark] = field(default_factory=tuple)

    @property
    def steps(self) -> bool:
        """Whether a value holds until the next one."""
        return self.kind.shape is Shape.STEPS or isinstance(self.data, Ranges)


def usual_interval(times: Sequence[int]) -> int | None:
    """The interval (ms) of times that come regularly; None where they do not."""
    if len(times) < 8:
        return None
    steps = sorted(b - a for a, b in pairwise(times))
    usual = median(steps)
    # Nine in ten at most half as long again: what merely changes now and then is not regular.
    often = steps[int(len(steps) * 0.9) - 1]
    return int(usual) if usual > 0 and often <= 1.5 * usual else None


def gaps(trace: Trace, since: int, until: int) -> list[tuple[int, int]]:
    """Where data is missing in since..until (ms), edges included; empty without an interval.

    Each from the moment the next reading was due to the reading that came. For a rollup from the
    end of the last bin to the start of the next.
    """
    if trace.interval is None or until <= since:
        return []
    data = trace.data
    width = data.width if isinstance(data, Ranges) else 0
    # A bin says nothing of when within it: a whole one may be empty of readings that are rarer.
    allowed = max(int(trace.interval * _MISSED), 2 * width)
    step = width or trace.interval
    found = []
    before = since - step
    for at in [*data.at, until]:
        if at - before > allowed:
            found.append((max(since, before + step), min(at, until)))
        before = at
    return [(a, b) for a, b in found if a < b]


def value_at(points: Points, at: int) -> float | None:
    """The value that held at a moment (ms): that of the last reading before."""
    place = bisect_right(points.at, at) - 1
    return points.values[place] if place >= 0 else None
