"""Charts that do not lie, as ECharts options: pure.

One pane a unit, states as lanes below; bars start at zero; every axis says its unit; the same unit
is on the same scale; no smoothing and no thinning out; what is missing is a break in the line and
a marked zone; a rollup shows the range it stands for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from hub.language.times import lasting
from hub.language.words import _
from hub.web.charts.axes import (
    TOP_PX,
    grids,
    lane_axis,
    scale_of,
    scales,
    time_axis,
    value_axis,
)
from hub.web.charts.lanes import LANE_PX, ChartLane, is_lane, lane_of, lane_options
from hub.web.charts.shaded import shaded, usual_columns
from hub.web.charts.trace import BinRanges, ChartMove, RawPoints, Trace

__all__ = ["COLOURS", "options"]

# Told apart with every kind of colour vision, on white and on black (after Okabe and Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#8c6bb1", "#7f7f7f")
# Up to so many points each is drawn as a dot as well; a change of state is seen without.
_DOTS, _STATE_DOTS = 150, 20
# Heights: the first pane, a low one, what lies above and below the panes.
_PANE_PX, _LOW_PX = 270, 130
_BOTTOM_PX = 36
# A zone of this share of the time has room for its name.
_WIDE_ZONE = 0.15

Options = dict[str, Any]


def options(
    traces: Sequence[Trace],
    since: int,
    until: int,
    *,
    now: int,
    low: bool = False,
    moves: Sequence[ChartMove] = (),
    lanes: Sequence[ChartLane] = (),
    zone: ZoneInfo | None = None,
) -> Options:
    """A chart of since..until (ms since the epoch); nothing after `now` counts as missing.

    `moves` are marked by a line each, and named in a lane of their own. `lanes` stand below those
    of states. `low`: all panes are low.

    Times are those of `zone`; None: UTC. What the options cannot say as JSON is named for chart.js:
    `words` on an axis (names of values or of times), `traces` (how the tooltip reads a trace's
    columns), `timezone`.
    """
    traces = [trace for trace in traces if trace.kind.shape != "text"]
    shown = scales([trace for trace in traces if not is_lane(trace)])
    panes = len(shown)
    datasets: list[Options] = []
    series: list[Options] = []
    descriptions: list[Options] = []
    seen_zones: set[tuple[int, int]] = set()
    below: list[tuple[ChartLane, Options]] = []
    behind: list[Options] = []
    for number, trace in enumerate(traces):
        datasets.append({"source": _columns(trace, min(until, now))})
        descriptions.append(_description(trace, number))
        if is_lane(trace):
            below.append((lane_of(trace, min(until, now)), {"datasetIndex": number}))
            continue
        axis = scale_of(trace, shown)
        zones = _zones(trace, since, min(until, now), seen_zones, named=len(traces) > 1)
        place = {"datasetIndex": number, "yAxisIndex": axis, "xAxisIndex": axis}
        if trace.usual:
            # Behind those of the traces, whose numbers chart.js knows.
            series += shaded(place | {"datasetIndex": len(traces) + len(behind)})
            behind.append({"source": usual_columns(trace.usual)})
        series += _drawn(trace, place, COLOURS[number % len(COLOURS)], zones)
    below += [(lane, {}) for lane in lanes]
    if moves:
        below.append((ChartLane(_("Changes"), ()), {}))
    series += [lane_options(lane, panes + n, place) for n, (lane, place) in enumerate(below)]
    if series and moves:
        series[0]["markLine"] = _lines_of_moves(moves)
    heights = [_LOW_PX if low or pane else _PANE_PX for pane in range(panes)]
    axes = [value_axis(n, of) for n, of in enumerate(shown)]
    axes += [lane_axis(panes + n, lane.name) for n, (lane, _) in enumerate(below)]
    placed = grids(heights, len(below))
    if not placed:
        placed, axes, heights = grids([_LOW_PX], 0), [{"type": "value"}], [_LOW_PX]
    return {
        "animation": False,
        "useUTC": True,
        "timezone": zone.key if zone else "UTC",
        "height": TOP_PX + sum(heights) + LANE_PX * len(below) + _BOTTOM_PX,
        "traces": descriptions,
        "panes": panes,
        "moves": [{"at": one.at, "text": one.text, "icon": one.icon} for one in moves],
        "aria": {"enabled": False},
        "legend": {"type": "scroll", "top": 0, "data": [trace.name for trace in traces]},
        "grid": placed,
        "xAxis": [time_axis(n, len(placed), since, until, zone) for n in range(len(placed))],
        "yAxis": axes,
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "tooltip": {"trigger": "axis", "confine": True, "transitionDuration": 0},
        "toolbox": {"show": False},
        "dataset": datasets + behind,
        "series": series,
    }


# --- data -------------------------------------------------------------------------------------


def _columns(trace: Trace, until: int) -> dict[str, list[Any]]:
    """A trace's columns: t (ms), v, and for a rollup low and the span above it.

    None breaks the line where data is missing.
    """
    if isinstance(trace.data, BinRanges):
        return _range_columns(trace.data)
    breaks = deque(sorted(trace.missing))
    times: list[int] = []
    values: list[float | None] = []
    for at, value in zip(trace.data.at, trace.data.values, strict=True):
        while breaks and breaks[0][0] < at:
            start, end = breaks.popleft()
            if times and times[-1] <= start and end > start:
                times.append(start)
                values.append(None)
        times.append(at)
        values.append(value)
    if trace.steps and values and not breaks and (trace.held_until or 0) > times[-1]:
        times.append(min(trace.held_until or 0, until))
        values.append(values[-1])
    return {"t": times, "v": values}


def _range_columns(data: BinRanges) -> dict[str, list[Any]]:
    """Each run of bins as steps, closed at the end of its last bin, then a break."""
    columns: dict[str, list[Any]] = {"t": [], "v": [], "low": [], "span": []}

    def put(at: int, line: float | None, low: float | None, high: float | None) -> None:
        columns["t"].append(at)
        columns["v"].append(line)
        columns["low"].append(low)
        columns["span"].append(None if low is None or high is None else high - low)

    bins = list(zip(data.at, data.line, data.low, data.high, strict=True))
    for n, (at, line, low, high) in enumerate(bins):
        put(at, line, low, high)
        end = data.ends[n] if data.ends else at + data.width
        if n + 1 == len(bins) or bins[n + 1][0] != end:
            put(end, line, low, high)
            put(end, None, None, None)
    return columns


def _zones(
    trace: Trace, since: int, until: int, seen: set[tuple[int, int]], *, named: bool
) -> list[list[Options]]:
    """Where a trace has no data, but what another one of the same device has told already."""
    label = _("no readings: {name}", name=trace.name) if named else _("no readings")
    clipped = [(max(a, since), min(b, until)) for a, b in trace.missing]
    new = [gap for gap in clipped if gap[0] < gap[1] and gap not in seen]
    seen.update(new)
    wide = (until - since) * _WIDE_ZONE
    return [
        [
            {
                "name": f"{label}, {lasting((end - start) / 1000)}",
                "xAxis": start,
                "label": {"show": end - start > wide},
            },
            {"xAxis": end},
        ]
        for start, end in new
    ]


# --- what is drawn ----------------------------------------------------------------------------


def _drawn(trace: Trace, place: Options, colour: str, zones: list[list[Options]]) -> list[Options]:
    if trace.bars:
        return [_bar(trace, place, colour, zones)]
    main = _line(trace, place, colour)
    main["markArea"] = {
        "silent": True,
        "data": zones,
        "itemStyle": {"color": colour, "opacity": 0.15},
        "hatched": True,
        "label": {"position": "insideBottom", "fontSize": 12},
    }
    if trace.marks:
        main["markPoint"] = _marks(trace)
    if isinstance(trace.data, BinRanges):
        return [main, *_band(trace, place, colour)]  # the legend shows the first
    return [main]


def _line(trace: Trace, place: Options, colour: str) -> Options:
    dots = _STATE_DOTS if trace.steps else _DOTS
    few = isinstance(trace.data, RawPoints) and len(trace.data.at) <= dots
    return {
        **place,
        "type": "line",
        "name": trace.name,
        "encode": {"x": "t", "y": "v"},
        "smooth": False,
        "step": "end" if trace.steps else False,
        "connectNulls": False,
        "showSymbol": few,
        "symbol": "circle",
        "symbolSize": 5,
        "color": colour,
        "lineStyle": {"width": 1.5, "color": colour},
        "emphasis": {"disabled": True},
        # The newest value stands at the end; chart.js says it.
        "endLabel": {"show": True, "fontSize": 12, "fontWeight": 500, "color": colour},
        "labelLayout": {"moveOverlap": "shiftY"},
        "z": 3,
    }


def _band(trace: Trace, place: Options, colour: str) -> list[Options]:
    """Lowest to highest of each bin: an invisible line, and the span stacked on it."""
    common = {
        **place,
        "type": "line",
        "smooth": False,
        "step": "end",
        "connectNulls": False,
        "showSymbol": False,
        "lineStyle": {"opacity": 0},
        "color": colour,
        "silent": True,
        "emphasis": {"disabled": True},
        "stack": f"range {place['datasetIndex']}",
        # Without it ECharts stacks values of different signs from zero.
        "stackStrategy": "all",
        "name": trace.name,
        "z": 2,
    }
    return [
        {**common, "encode": {"x": "t", "y": "low"}},
        {
            **common,
            "encode": {"x": "t", "y": "span"},
            "areaStyle": {"color": colour, "opacity": 0.25},
        },
    ]


def _bar(trace: Trace, place: Options, colour: str, zones: list[list[Options]]) -> Options:
    return {
        **place,
        "type": "bar",
        "name": trace.name,
        "encode": {"x": "t", "y": "v"},
        "color": colour,
        "barMaxWidth": 24,
        "markArea": {
            "silent": True,
            "data": zones,
            "itemStyle": {"color": colour, "opacity": 0.15},
            "hatched": True,
        },
    }


def _marks(trace: Trace) -> Options:
    return {
        "symbol": "circle",
        "symbolSize": 9,
        "label": {"show": False},
        "data": [
            {"name": mark.text, "coord": [mark.at, mark.value]}
            for mark in trace.marks
            if mark.value is not None
        ],
    }


def _lines_of_moves(moves: Sequence[ChartMove]) -> Options:
    return {
        "symbol": "none",
        "silent": True,
        "lineStyle": {"type": "dashed", "width": 1.5},
        # What happened is said in the lane of changes.
        "label": {"show": False},
        "data": [{"name": move.text, "xAxis": move.at} for move in moves],
    }


def _description(trace: Trace, number: int) -> Options:
    """How chart.js reads a trace's values out."""
    return {
        "name": trace.name,
        "dataset": number,
        "unit": trace.kind.unit,
        "decimals": trace.kind.decimals,
        "words": {str(value): word for value, word in trace.kind.words.items()},
        "what": trace.data.what if isinstance(trace.data, BinRanges) else "",
    }
