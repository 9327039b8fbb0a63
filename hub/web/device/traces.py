"""What a chart shows of series: raw readings where they fit, else a rollup that shows its range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from contracts.homekit.quantities import Shape, is_counter, quantity
from contracts.reading import SeriesKey
from hub.database.errors import ForeignRowError
from hub.readings.bins.repository import edges_of
from hub.readings.points import COLUMNS, Form, Resolution, Span, StoredSeries
from hub.readings.service import TenantReadings
from hub.web.charts import BinRanges, ChartMark, RawPoints, Trace, missing_ranges, usual_interval
from hub.web.device.spans import ChartWindow
from hub.web.home.view import ms

__all__ = ["Drawn", "TraceRequest", "draw"]

# Points of a chart, all its series together: more than a screen has pixels, few enough to be there
# in a blink.
_POINTS = 6000
_MOST, _LEAST = 3000, 600


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
    """Traces, how fine the curves among them are, and the names of series that are gone."""

    traces: list[Trace]
    resolution: Resolution
    gone: list[str]


async def draw(
    readings: TenantReadings,
    requests: Sequence[TraceRequest],
    window: ChartWindow,
    now: datetime,
    zone: ZoneInfo | None = None,
) -> Drawn:
    """The traces of a window, bins those of `zone` (None: UTC).

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
    points = max(_LEAST, min(_MOST, _POINTS // max(1, len(drawable))))
    curves = [series for one, series in drawable if quantity(one.key).shape is not Shape.STEPS]
    resolution = await readings.choose(curves, span, points)
    loader = _Loader(readings, span, now, zone or ZoneInfo("UTC"))
    traces = []
    for one, series in drawable:
        steps = quantity(one.key).shape is Shape.STEPS
        fine = await readings.choose([series], span, points) if steps else resolution
        traces.append(await loader.trace(one, series, fine))
    if not any(isinstance(trace.data, BinRanges) or trace.bars for trace in traces):
        resolution = Resolution.RAW
    return Drawn(traces, resolution, gone)


class _Loader:
    """Reads one span of a tenant's series."""

    def __init__(self, readings: TenantReadings, span: Span, now: datetime, zone: ZoneInfo) -> None:
        self._readings, self._span, self._now, self._zone = readings, span, now, zone

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
            return Trace(f"{request.name}, increase", kind, bars, bars=True)
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
        _, _, mean, low, high, last, *_ = columns
        # Of a state the mean says nothing; what it was in the end does.
        line, what = (last, "last") if steps else (mean, "mean")
        return BinRanges(at, width, line, low, high, what, self._ends(at, resolution))

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
        async for _, piece in pieces:
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


def _elsewhere(parts: Sequence[Span]) -> list[tuple[datetime, datetime]]:
    """When its device was elsewhere meanwhile."""
    return [(one.until, other.since) for one, other in pairwise(parts)]
