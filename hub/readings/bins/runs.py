"""Bins of a series cut into runs that touch: by the times that count, and by what is kept. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hub.readings.points import Span, StoredSeries

__all__ = ["BinRun", "DayRun", "bin_runs", "whole_days"]

_EVER = Span(datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class DayRun:
    """Days that touch and count as a whole: the edges `first` to `last` of all bins' edges.

    `stay` is when what is measured counts; None: always.
    """

    first: int
    last: int
    edges: Sequence[datetime]
    stay: Span | None = None

    def later(self) -> DayRun | None:
        """Without the first day; None where there is no other."""
        if self.first + 1 >= self.last:
            return None
        return DayRun(self.first + 1, self.last, self.edges[1:], self.stay)


@dataclass(frozen=True, slots=True)
class BinRun:
    """Bins of the `number`-th series that touch. `labels` says with which bin each edge begins.

    Readings before `floor` do not count, nor rollups' bins that go beyond `cut`.
    """

    number: int
    series: StoredSeries
    edges: Sequence[datetime]
    labels: Sequence[datetime]
    floor: datetime = _EVER.since
    cut: datetime = _EVER.until


def whole_days(series: StoredSeries, edges: Sequence[datetime], settled: datetime) -> list[DayRun]:
    """The days that are over and count as a whole, of a series that has bins.

    Into the first day of a stay may hold what was measured before it, elsewhere, unless something
    was measured in it before that day.
    """
    if series.kind == "string":
        return []
    runs = []
    end = bisect_right(edges, settled) - 1
    for part, stay in series.stays(Span(edges[0], edges[-1])):
        first = bisect_left(edges, part.since)
        last = min(end, bisect_right(edges, part.until) - 1)
        if first < last:
            runs.append(DayRun(first, last, edges[first : last + 1], stay))
    return runs


def bin_runs(
    number: int, series: StoredSeries, edges: Sequence[datetime], kept: Sequence[DayRun]
) -> list[BinRun]:
    """All other bins of a series, those at the ends of times cut."""
    if series.kind == "string":
        return []
    runs = []
    for part, stay in series.stays(Span(edges[0], edges[-1])):
        limits = stay or _EVER
        rest = [part]
        for days in kept:
            rest = [left for one in rest for left in _without(one, days)]
        for one in rest:
            first, last = bisect_right(edges, one.since) - 1, bisect_left(edges, one.until)
            inner = list(edges[first + 1 : last])
            runs.append(
                BinRun(
                    number,
                    series,
                    [one.since, *inner, one.until],
                    [edges[first], *inner, one.until],
                    limits.since,
                    limits.until,
                )
            )
    return runs


def _without(span: Span, days: DayRun) -> list[Span]:
    since, until = days.edges[0], days.edges[-1]
    if until <= span.since or since >= span.until:
        return [span]
    parts = Span(span.since, since), Span(until, span.until)
    return [part for part in parts if part.since < part.until]
