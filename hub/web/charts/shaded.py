"""What is usual, as a grey area behind a line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hub.web.charts.trace import UsualHour

__all__ = ["shaded", "usual_columns"]

Options = dict[str, Any]


def usual_columns(hours: Sequence[UsualHour]) -> dict[str, list[Any]]:
    """Steps of hours, closed at the end of each run and broken after it."""
    columns: dict[str, list[Any]] = {"t": [], "low": [], "span": []}

    def put(at: int, low: float | None, high: float | None) -> None:
        columns["t"].append(at)
        columns["low"].append(low)
        columns["span"].append(None if low is None or high is None else high - low)

    for one, after in pairwise([*hours, None]):
        if one is not None:
            put(one.at, one.low, one.high)
            if after is None or after.at != one.end:
                put(one.end, one.low, one.high)
                put(one.end, None, None)
    return columns


def shaded(place: Options) -> list[Options]:
    """An invisible line, and the span stacked on it; chart.js knows the colour."""
    common = {
        **place,
        "type": "line",
        "step": "end",
        "connectNulls": False,
        "showSymbol": False,
        "lineStyle": {"opacity": 0},
        "silent": True,
        "emphasis": {"disabled": True},
        "stack": "usual",
        # As in options.py: ECharts stacks values of different signs from zero otherwise.
        "stackStrategy": "all",
        "usual": True,
        "z": 1,
    }
    return [
        {**common, "encode": {"x": "t", "y": "low"}},
        {**common, "encode": {"x": "t", "y": "span"}, "areaStyle": {"opacity": 0.5}},
    ]
