"""Axes and grids of a chart: one pane a unit, a lane below for each state. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from hub.web.charts.lanes import LANE_PX
from hub.web.charts.marks import time_marks
from hub.web.charts.trace import BinRanges, Trace

__all__ = ["TOP_PX", "grids", "lane_axis", "scale_of", "scales", "time_axis", "value_axis"]

TOP_PX = 32
"""What lies above the first pane."""
# Room at the sides: scales and names of lanes, what a line says at its end. chart.js has less on
# a phone.
_LEFT_PX, _RIGHT_PX = 76, 96
# A sensor's noise shall not look like weather: the least span of an axis, by unit.
_LEAST_SPAN = {"°C": 2.0, "%": 5.0, "hPa": 4.0}

Options = dict[str, Any]


def scales(traces: Sequence[Trace]) -> list[list[Trace]]:
    """Traces that share a scale: those of one unit, or of the same states."""
    by_key: dict[tuple[object, ...], list[Trace]] = {}
    for trace in traces:
        by_key.setdefault(_scale_key(trace), []).append(trace)
    return list(by_key.values())


def _scale_key(trace: Trace) -> tuple[object, ...]:
    if trace.kind.words:
        return ("words", *sorted(trace.kind.words.items()))
    return (trace.kind.unit or trace.kind.label,)


def scale_of(trace: Trace, scales: list[list[Trace]]) -> int:
    """The number of the scale that a trace is on."""
    return next(n for n, of in enumerate(scales) if trace in of)


def value_axis(number: int, traces: list[Trace]) -> Options:
    """The scale of a pane; its name says the unit."""
    kind = traces[0].kind
    labels = {trace.kind.label for trace in traces}
    name = kind.label if len(labels) == 1 else ""
    if kind.unit:
        name = f"{name} ({kind.unit})" if name else kind.unit
    axis: Options = {
        "type": "value",
        "gridIndex": number,
        "position": "left",
        "name": name,
        "nameLocation": "end",
        "nameTextStyle": {"align": "left"},
        "axisLine": {"show": False},
        "axisTick": {"show": False},
        "splitLine": {"show": True},
        "splitNumber": 3 if number else 4,
        # A curve may leave zero out, since its axis says so; a bar's length is its value.
        "scale": not any(trace.bars for trace in traces),
    }
    if any(trace.bars for trace in traces):
        axis["minInterval"] = 0 if kind.unit else 1  # counts
    elif bounds := _bounds(traces):
        axis["min"], axis["max"] = bounds
    return axis


def lane_axis(number: int, name: str) -> Options:
    """A lane has no scale: its name stands where one would be."""
    return {
        "type": "value",
        "gridIndex": number,
        "lane": True,
        "name": name,
        "nameLocation": "middle",
        "nameRotate": 0,
        "nameGap": 8,
        "nameTextStyle": {"align": "right", "verticalAlign": "middle"},
        "min": 0,
        "max": 1,
        "scale": True,
        "axisLabel": {"show": False},
        "axisTick": {"show": False},
        "axisLine": {"show": False},
        "splitLine": {"show": False},
    }


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


def time_axis(pane: int, panes: int, since: int, until: int, zone: ZoneInfo | None) -> Options:
    """The time of a pane or lane, told below the last one."""
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
        "axisTick": {"customValues": at, "show": last},
        "axisLine": {"show": last},
        "splitLine": {"show": not last or pane == 0},
        "words": {str(one): text for one, text in marked},
        # Else ECharts makes room for bars at the ends, and panes would not have the same time.
        "containShape": False,
    }


def grids(heights: list[int], lanes: int) -> list[Options]:
    """The panes, one below the other, then the lanes, all of one width."""
    sides = {"left": _LEFT_PX, "right": _RIGHT_PX}
    made, top = list[Options](), TOP_PX
    for height in heights:
        made.append({**sides, "top": top + 24, "height": height - 40})
        top += height
    for _ in range(lanes):
        made.append({**sides, "top": top + 8, "height": LANE_PX - 12})
        top += LANE_PX
    return made
