"""What is usual of a series, hour by hour, for its chart. Pure."""

from __future__ import annotations

from hub.anomalies.profile import SeriesProfile
from hub.web.charts import UsualHour
from hub.web.device.spans import ChartWindow

__all__ = ["usual_hours"]

_HOUR_S = 3600


def usual_hours(profile: SeriesProfile, window: ChartWindow) -> list[UsualHour]:
    """The usual range of each hour that a window has a part of; what is not known is left out."""
    since, until = window.since.timestamp(), window.until.timestamp()
    made = []
    for start in range(int(since // _HOUR_S) * _HOUR_S, int(until), _HOUR_S):
        known = profile.hours[profile.hour(start + _HOUR_S / 2)]
        if known is not None:
            ends = max(start, since), min(start + _HOUR_S, until)
            made.append(UsualHour(round(ends[0] * 1000), round(ends[1] * 1000), *known))
    return made
