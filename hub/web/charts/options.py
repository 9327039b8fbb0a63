"""Charts that do not lie, as ECharts options: pure.

Bars start at zero; every axis says its unit and no axis is shared by two; the same unit is on the
same scale; no smoothing and no thinning out; what is missing is a break in the line and a marked
zone; a rollup shows the range it stands for.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from hub.web.charts.marks import time_marks
from hub.web.charts.trace import BinRanges, ChartMove, RawPoints, Trace

__all__ = ["COLOURS", "options"]

# Told apart with every kind of colour vision, on white and on black (after Okabe and Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#8c6bb1", "#7f7f7f")
# Up to so many points each is drawn as a dot as well; a change of state is seen without.
_DOTS, _STATE_DOTS = 150, 20
# Heights: a pane, a low one (of states alone), what lies above and below the panes.
_PANE_PX, _LOW_PX = 260, 130
_TOP_PX, _BOTTOM_PX = 48, 44
# A zone of this share of the time has room for its name.
_WIDE_ZONE = 0.15
# A sensor's noise shall not look like weather: the least span of an axis, by unit.
_LEAST_SPAN = {"°C": 2.0, "%": 5.0, "hPa": 4.0}

Options = dict[str, Any]


def options(
    traces: Sequence[Trace],
    since: int,
    until: int,
    *,
    now: int,
    beside: int = 2,
    moves: Sequence[ChartMove] = (),
    zone: ZoneInfo | None = None,
) -> Options:
    """A chart of since..until (ms since the epoch); nothing after `now` counts as missing.

    `moves` are marked by a line each. Up to `beside` scales (1 or 2) share a pane, left and right;
    with 1 the panes are low.

    Times are those of `zone`; None: UTC. What the options cannot say as JSON is named for chart.js:
    `words` on an axis (names of values or of times), `traces` (how the tooltip reads a trace's
    columns), `timezone`.
    """
    traces = [trace for trace in traces if trace.kind.shape != "text"]
    scales = _scales(traces)
    panes = max(1, math.ceil(len(scales) / beside))
    datasets: list[Options] = []
    series: list[Options] = []
    descriptions: list[Options] = []
    seen_zones: set[tuple[int, int]] = set()
    for number, trace in enumerate(traces):
        axis = _scale_of(trace, scales)
        columns = _columns(trace, min(until, now))
        datasets.append({"source": columns})
        zones = _zones(trace, since, min(until, now), seen_zones, named=len(traces) > 1)
        place = {"datasetIndex": number, "yAxisIndex": axis, "xAxisIndex": axis // beside}
        colour = COLOURS[number % len(COLOURS)]
        descriptions.append(_description(trace, number))
        series += _drawn(trace, place, colour, zones)
    if series and moves:
        series[0]["markLine"] = _lines_of_moves(moves)
    heights = [_height(scales, pane, beside) for pane in range(panes)]
    return {
        "animation": False,
        "useUTC": True,
        "timezone": zone.key if zone else "UTC",
        "height": _TOP_PX + sum(heights) + _BOTTOM_PX,
        "traces": descriptions,
        "aria": {"enabled": False},
        "legend": {"type": "scroll", "top": 0, "data": [trace.name for trace in traces]},
        "grid": _grids(heights, two=beside > 1 and len(scales) > 1),
        "xAxis": [_time_axis(pane, panes, since, until, zone) for pane in range(panes)],
        "yAxis": [_value_axis(n, of, beside) for n, of in enumerate(scales)] or [{"type": "value"}],
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "tooltip": {"trigger": "axis", "confine": True, "transitionDuration": 0},
        "toolbox": {"show": False},
        "dataset": datasets,
        "series": series,
    }


# --- scales -----------------------------------------------------------------------------------


def _scales(traces: Sequence[Trace]) -> list[list[Trace]]:
    """Traces that share a scale: those of one unit, or of the same states."""
    scales: dict[tuple[object, ...], list[Trace]] = {}
    for trace in traces:
        scales.setdefault(_scale_key(trace), []).append(trace)
    return list(scales.values())


def _scale_key(trace: Trace) -> tuple[object, ...]:
    if trace.kind.words:
        return ("words", *sorted(trace.kind.words.items()))
    return (trace.kind.unit or trace.kind.label,)


def _scale_of(trace: Trace, scales: list[list[Trace]]) -> int:
    return next(n for n, of in enumerate(scales) if trace in of)


def _value_axis(number: int, traces: list[Trace], beside: int) -> Options:
    kind = traces[0].kind
    labels = {trace.kind.label for trace in traces}
    name = kind.label if len(labels) == 1 else ""
    if kind.unit:
        name = f"{name} ({kind.unit})" if name else kind.unit
    right = number % beside == 1
    axis: Options = {
        "type": "value",
        "gridIndex": number // beside,
        "position": "right" if right else "left",
        "name": name,
        "nameLocation": "end",
        "nameTextStyle": {"align": "right" if right else "left"},
        "axisLine": {"show": True},
        "splitLine": {"show": not right},
        "splitNumber": 5 if beside > 1 else 3,
        # A curve may leave zero out, since its axis says so; a bar's length is its value.
        "scale": not any(trace.bars for trace in traces),
    }
    if any(trace.bars for trace in traces):
        axis["minInterval"] = 0 if kind.unit else 1  # counts
    elif bounds := _bounds(traces):
        axis["min"], axis["max"] = bounds
    if kind.words:
        states = sorted(kind.words)
        axis |= {"min": states[0], "max": states[-1], "interval": 1}
        axis["words"] = {str(value): word for value, word in kind.words.items()}
    return axis


def _bounds(traces: list[Trace]) -> tuple[float, float] | None:
    """The ends of an axis whose values differ by less than its unit's least span."""
    least = _LEAST_SPAN.get(traces[0].kind.unit)
    lows: list[float] = []
    highs: list[float] = []
    for trace in traces:
        data = trace.data
        lows += data.low if isinstance(data, BinRanges) else data.values
        highs += data.high if isinstance(data, BinRanges) else data.values
    if least is None or not lows or max(highs) - min(lows) >= least:
        return None
    low = math.floor((max(highs) + min(lows) - least) / 2)
    return low, low + math.ceil(max(least, max(highs) - low))


def _time_axis(pane: int, panes: int, since: int, until: int, zone: ZoneInfo | None) -> Options:
    last = pane == panes - 1
    marked = time_marks(since, until, zone or ZoneInfo("UTC"))
    at = [one for one, _ in marked]
    return {
        "type": "time",
        "gridIndex": pane,
        "min": since,
        "max": until,
        # Where the place's own hours, days and months begin; ECharts knows the browser's alone.
        "axisLabel": {"show": last, "hideOverlap": True, "customValues": at},
        "axisTick": {"customValues": at},
        "words": {str(one): text for one, text in marked},
        # Else ECharts makes room for bars at the ends, and panes would not have the same time.
        "containShape": False,
    }


def _height(scales: list[list[Trace]], pane: int, beside: int) -> int:
    shown = scales[pane * beside :][:beside]
    states = bool(shown) and all(of[0].kind.words for of in shown)
    return _LOW_PX if states or beside == 1 else _PANE_PX


def _grids(heights: list[int], *, two: bool) -> list[Options]:
    """The panes, one below the other, of one width."""
    tops = [_TOP_PX + sum(heights[:pane]) + 24 for pane in range(len(heights))]
    return [
        {"left": 56, "right": 56 if two else 16, "top": top, "height": height - 40}
        for top, height in zip(tops, heights, strict=True)
    ]


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
    label = f"no data: {trace.name}" if named else "no data"
    clipped = [(max(a, since), min(b, until)) for a, b in trace.missing]
    new = [gap for gap in clipped if gap[0] < gap[1] and gap not in seen]
    seen.update(new)
    wide = (until - since) * _WIDE_ZONE
    return [
        [{"name": label, "xAxis": start, "label": {"show": end - start > wide}}, {"xAxis": end}]
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
        "label": {"position": "insideTop", "fontSize": 11},
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
        },
    }


def _marks(trace: Trace) -> Options:
    return {
        "symbol": "pin",
        "symbolSize": 28,
        "label": {"show": True, "formatter": "!"},
        "data": [
            {"name": mark.text, "coord": [mark.at, mark.value]}
            for mark in trace.marks
            if mark.value is not None
        ],
    }


def _lines_of_moves(moves: Sequence[ChartMove]) -> Options:
    return {
        "symbol": "none",
        "silent": False,
        "lineStyle": {"type": "dashed", "width": 1.5},
        "label": {"show": True, "formatter": "{b}", "position": "insideEndTop", "fontSize": 11},
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
