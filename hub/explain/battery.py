"""The day on which a battery will be empty, from its own trend. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from hub.explain.facts import DeviceFacts

__all__ = ["BatteryForecast", "forecast"]

_LEAST_DAYS = 2
# A new battery is a rise that no recovery explains; less than this fall is noise.
_NEW_PERCENT, _FALL_PERCENT = 20.0, 3.0
_NEW_MV, _FALL_MV = 200.0, 30.0
# A cold spell of so many days, after which a battery is what it was.
_DIP_DAYS = 7
# Where a device tells volts alone: what our firmware calls empty, two cells or a LiFePO4.
_EMPTY_MV = 2400.0
# Beyond, a trend of some weeks says nothing.
_FARTHEST_DAYS = 2 * 365


@dataclass(frozen=True, slots=True)
class BatteryForecast:
    """When it is empty at its rate of `per_day` (% or mV, see `unit`) since the day `since`."""

    empty_on: date
    per_day: float
    unit: str
    since: date

    def days_left(self, today: date) -> int:
        """Days from today; negative when it should be empty already."""
        return (self.empty_on - today).days


def forecast(facts: DeviceFacts) -> BatteryForecast | None:
    """By its level where the device tells one, else by its voltage; None without a fall."""
    if facts.charges:
        return _forecast(facts.charges, _NEW_PERCENT, _FALL_PERCENT, "%")
    volts = [
        (day.day, float(day.battery_last) - _EMPTY_MV)
        for day in facts.days
        if day.battery_last is not None
    ]
    return _forecast(volts, _NEW_MV, _FALL_MV, "mV")


def _forecast(
    points: Sequence[tuple[date, float]], new: float, least: float, unit: str
) -> BatteryForecast | None:
    """Extend the line through the points to 0; its slope is the median of all pairs' (Theil, Sen).

    So neither a cold night nor a day of heavy use bends it.
    """
    points = points[_newest_battery(points, new) :]
    if not points or (points[-1][0] - points[0][0]).days < _LEAST_DAYS:
        return None
    first = points[0][0]
    line = [((day - first).days, value) for day, value in points]
    slope = median(
        (later - value) / (end - begin)
        for n, (begin, value) in enumerate(line)
        for end, later in line[n + 1 :]
        if end > begin
    )
    if slope >= 0 or -slope * line[-1][0] < least:
        return None
    at_first = median(value - slope * at for at, value in line)
    days = at_first / -slope
    if days > line[-1][0] + _FARTHEST_DAYS:
        return None
    return BatteryForecast(first + timedelta(days=round(days)), -slope, unit, first)


def _newest_battery(points: Sequence[tuple[date, float]], new: float) -> int:
    """Where the battery of today begins: at the last rise by `new` that is no recovery.

    A recovery comes soon after a fall as sudden, and leads no higher than before it.
    """
    start = 0
    for n in range(1, len(points)):
        day, level = points[n]
        if level - points[n - 1][1] < new:
            continue
        recovered = any(
            (day - points[fall][0]).days <= _DIP_DAYS
            and points[fall - 1][1] - points[fall][1] >= new
            and level - points[fall - 1][1] < new / 4
            for fall in range(start + 1, n)
        )
        if not recovered:
            start = n
    return start
