"""Charts: what is drawn (trace), as ECharts options (options), on a page (element)."""

from hub.web.charts.lanes import ChartLane, came, is_lane
from hub.web.charts.options import COLOURS, options
from hub.web.charts.trace import (
    BinRanges,
    ChartMark,
    ChartMove,
    RawPoints,
    Trace,
    UsualHour,
    missing_ranges,
    usual_interval,
)

__all__ = [
    "COLOURS",
    "BinRanges",
    "ChartLane",
    "ChartMark",
    "ChartMove",
    "RawPoints",
    "Trace",
    "UsualHour",
    "came",
    "is_lane",
    "missing_ranges",
    "options",
    "usual_interval",
]
