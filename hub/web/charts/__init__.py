"""Charts: what is drawn (trace), as ECharts options (options), on a page (element)."""

from hub.web.charts.options import COLOURS, options
from hub.web.charts.trace import Mark, Points, Ranges, Trace, gaps, usual_interval

__all__ = ["COLOURS", "Mark", "Points", "Ranges", "Trace", "gaps", "options", "usual_interval"]
