"""What a chart shows of series: raw readings where they fit, else a rollup that shows its range."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from contracts.homekit.quantities import Shape, is_counter, quantity
from contracts.reading import SeriesKey
from hub.database.errors import ForeignRowError
from hub.language.words import _
from hub.readings.bins.repository import edges_of
from hub.readings.points import COLUMNS, Form, Resolution, Span, StoredSeries
from hub.readings.service import TenantReadings
from hub.web.charts import BinRanges, ChartMark, RawPoints, Trace, missing_ranges, usual_interval
from hub.web.device.joined import StoredBins, joined
from hub.web.device.spans import ChartWindow
from hub.web.home.view import ms

__all__ = ["Drawn", "TraceRequest", "draw"]

# Points of a chart, all its series together: few enough to be there in a blink.
_POINTS = 6000
_MOST, _LEAST = 3000, 600
# px: a bin is no narrower. What is shorter than two days is shown reading by reading.
_BIN_PX = 3
_FINE = timedelta(days=2)
# Hours that a bin may be made of, where single ones are too narrow and days too wide.
_HOURS = (1, 2, 3, 4, 6, 12)


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """A series to draw, called `name`; `seen_at` is when its device was last heard.

    `found`: the series as it was found in a place; None: it is looked for, and all of it counts.
    """

    key: SeriesKey
    name: str
    seen_at: datetime | None = None
    marks: Sequence[ChartMark] = ()
    found: StoredSeries | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """Traces, how fine the curves among them are, and the names of series that are gone.

    `series` are those of the traces; `hours` how many a bin is made of that is finer than a day.
    """

    traces: list[Trace]
    resolution: Resolution
    gone: list[str]
    hours: int = 1
    series: list[StoredSeries] = field(default_factory=list)


async def draw(
    readings: TenantReadings,
    requests: Sequence[TraceRequest],
    window: ChartWindow,
    now: datetime,
    zone: ZoneInfo | None = None,
    *,
    width: int = 900,
) -> Drawn:
    """The traces of a window, bins those of `zone` (None: UTC), for a plot that is `width` px wide.

    All curves are as fine as each other, so that they compare.
    """
    drawable: list[tuple[TraceRequest, StoredSeries]] = []
    gone = []
    for one in requests:
        try:
            (series,) = [one.found] if one.found else await readings.find([one.key])
        except ForeignRowError:
            gone.append(one.name)
            continue
        if series.kind != "string":
            drawable.append((one, series))
    span = Span(window.since, window.until)
    curves = [series for one, series in drawable if quantity(one.key).shape is not Shape.STEPS]
    fineness = _Fineness(readings, span, width, len(drawable))
    resolution, hours = await fineness.of(curves)
    loader = _Loader(readings, span, now, zone or ZoneInfo("UTC"))
    traces = []
    for one, series in drawable:
        steps = quantity(one.key).shape is Shape.STEPS
        fine, merged = await fineness.of([series]) if steps else (resolution, hours)
        loader.hours = merged
        traces.append(await loader.trace(one, series, fine))
    if not any(isinstance(trace.data, BinRanges) or trace.bars for trace in traces):
        resolution = Resolution.RAW
    return Drawn(traces, resolution, gone, hours, [series for _, series in drawable])


class _Fineness:
    """How fine a span is drawn: no more than a bin for each 3 px of the plot."""

    def __init__(self, readings: TenantReadings, span: Span, width: int, series: int) -> None:
        self._readings, self._span = readings, span
        self._bins = max(1, width // _BIN_PX)
        self._points = max(_LEAST, min(_MOST, _POINTS // max(1, series)))

    async def of(self, series: Sequence[StoredSeries]) -> tuple[Resolution, int]:
        """The resolution, and how many hours a bin is made of."""
        length = self._span.until - self._span.since
        points = self._points if length <= _FINE else self._bins
        chosen = await self._readings.choose(series, self._span, points)
        if chosen is not Resolution.DAILY:
            return chosen, 1
        # Days are too wide where some hours together would do.
        hours = next((n for n in _HOURS if length / timedelta(hours=n) <= self._bins), None)
        if hours is None:
            return chosen, 1
        finer = await self._readings.choose(series, self._span, self._bins * _HOURS[-1])
        return (chosen, 1) if finer is Resolution.DAILY else (Resolution.HOURLY, hours)


class _Loader:
    """Reads one span of a tenant's series."""

    def __init__(self, readings: TenantReadings, span: Span, now: datetime, zone: ZoneInfo) -> None:
        self._readings, self._span, self._now, self._zone = readings, span, now, zone
        self.hours = 1

    async def trace(
        self, request: TraceRequest, series: StoredSeries, resolution: Resolution
    ) -> Trace:
        """One series at a resolution."""
        kind = quantity(request.key)
        steps = kind.shape is Shape.STEPS
        columns = await self._columns(series, resolution)
        if not columns:
            # Nothing came: then each reading is looked for, and what held is shown.
            resolution = Resolution.RAW
        at = [int(time) // 1000 for time in columns[0]] if columns else []
        data: RawPoints | BinRanges
        if resolution is not Resolution.RAW and is_counter(request.key):
            bars = self._increases(columns, at, resolution)
            return Trace(_("{name}, increase", name=request.name), kind, bars, bars=True)
        if resolution is Resolution.RAW:
            values = list(columns[1]) if columns else []
            if steps and series.within is None:
                await self._begin(series, at, values)
            data = RawPoints(at, values)
        else:
            data = self._ranges(columns, at, resolution, steps=steps)
        missing = await self._missing(series, at, resolution, steps=steps)
        missing += [(ms(a) or 0, ms(b) or 0) for a, b in _elsewhere(series.parts(self._span))]
        seen = ms(request.seen_at)
        return Trace(
            request.name,
            kind,
            data,
            missing,
            held_until=seen if steps and series.within is None else None,
            marks=request.marks,
        )

    def _ranges(
        self,
        columns: list[list[Any]],
        at: list[int],
        resolution: Resolution,
        *,
        steps: bool,
    ) -> BinRanges:
        width = round(resolution.width.total_seconds() * 1000)
        if not columns:
            return BinRanges([], width, [], [], [])
        named = dict(zip(COLUMNS[resolution], columns, strict=True))
        # Of a state the mean says nothing; what it was in the end does.
        line, what = ("last", "last") if steps else ("mean", "mean")
        bins = StoredBins(
            at, self._ends(at, resolution), named[line], named["low"], named["high"],
            named["seconds"], _shares(named["states"]) if steps else [],
        )  # fmt: skip
        if self.hours > 1 and resolution is Resolution.HOURLY:
            bins = joined(bins, self.hours, self._zone, last=steps)
            width *= self.hours
        return BinRanges(
            bins.at, width, bins.line, bins.low, bins.high, what, bins.ends, bins.shares
        )

    def _increases(
        self, columns: list[list[Any]], at: list[int], resolution: Resolution
    ) -> RawPoints:
        """By how much a counter rose in each bin, at its middle."""
        ends = self._ends(at, resolution)
        middles = [(a + b) // 2 for a, b in zip(at, ends, strict=True)]
        return RawPoints(middles, columns[COLUMNS[resolution].index("increase")])

    def _ends(self, at: list[int], resolution: Resolution) -> list[int]:
        width = round(resolution.width.total_seconds() * 1000)
        edges = [ms(edge) or 0 for edge in edges_of(resolution, self._zone, self._span)]
        following = dict(pairwise(edges))
        return [following.get(begin, begin + width) for begin in at]

    async def _columns(self, series: StoredSeries, resolution: Resolution) -> list[list[Any]]:
        columns: list[list[Any]] = []
        pieces = self._readings.pieces([series], self._span, resolution, Form.PACKED, self._zone)
        async for _key, piece in pieces:
            columns = columns or [[] for _ in piece.columns]
            for column, more in zip(columns, piece.columns, strict=True):
                column.extend(more)
        return columns

    async def _begin(self, series: StoredSeries, at: list[int], values: list[float]) -> None:
        """The state at the beginning, which was reported before."""
        held = await self._readings.state_at(series, self._span.since)
        if held is not None:
            at.insert(0, ms(self._span.since) or 0)
            values.insert(0, held)

    async def _missing(
        self, series: StoredSeries, at: list[int], resolution: Resolution, *, steps: bool
    ) -> list[tuple[int, int]]:
        """Where readings are missing: by the device's own word, else by what it usually did."""
        if not steps:
            gaps = await self._readings.gaps(series, self._span, resolution)
            if gaps.expected_s is not None:
                return [(ms(began) or 0, ms(ended) or 0) for began, ended in gaps.ranges]
        # States may be told when they change only; then silence says nothing.
        interval = usual_interval(at)
        if interval is None:
            return []
        width = round(resolution.width.total_seconds() * 1000)
        until = ms(min(self._span.until, self._now)) or 0
        return [(a + width, b) for a, b in missing_ranges(at, interval, at[0], until)]


def _shares(states: Sequence[str | None]) -> list[float]:
    """For which part of each bin a state was another one than 0."""
    shares = []
    for text in states:
        seconds: dict[str, float] = json.loads(text) if text else {}
        total = sum(seconds.values())
        on = total - seconds.get("0", 0.0)
        shares.append(on / total if total else 0.0)
    return shares


def _elsewhere(parts: Sequence[Span]) -> list[tuple[datetime, datetime]]:
    """When its device was elsewhere meanwhile."""
    return [(one.until, other.since) for one, other in pairwise(parts)]
