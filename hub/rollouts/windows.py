"""Local times of day in which devices may be updated, on days of 23 and 25 hours too. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from hub.rollouts.model import RolloutOptions

__all__ = ["is_open", "next_change", "next_open"]

# Days ahead that are looked at: a window that the clock jumps over opens the day after.
_DAYS = 3
_STEP = timedelta(minutes=15)  # no zone changes its offset more often, or between these


def is_open(options: RolloutOptions, now: datetime) -> bool:
    """Whether a clock on the wall shows a time within a window; without windows always."""
    if not options.windows:
        return True
    wall = now.astimezone(ZoneInfo(options.timezone)).time()
    return any(_within(wall, start, end) for start, end in options.hours())


def next_change(options: RolloutOptions, now: datetime) -> datetime | None:
    """When a window next opens or closes, None without windows or if none does in days."""
    opened = is_open(options, now)
    return next((at for at in _instants(options, now) if is_open(options, at) != opened), None)


def next_open(options: RolloutOptions, now: datetime) -> datetime | None:
    """`now` when a window is open, else when one opens, None if none does in days."""
    return now if is_open(options, now) else next_change(options, now)


def _within(wall: time, start: time, end: time) -> bool:
    if start < end:
        return start <= wall < end
    return wall >= start or wall < end


def _instants(options: RolloutOptions, now: datetime) -> Iterator[datetime]:
    """Every instant after `now` at which a window might open or close, in order."""
    if not options.windows:
        return
    zone = ZoneInfo(options.timezone)
    today = now.astimezone(zone).date()
    instants = {
        jump for days in range(_DAYS) for jump in _jumps(zone, today + timedelta(days=days))
    }
    for days in range(-1, _DAYS + 1):
        for edge in (edge for pair in options.hours() for edge in pair):
            for fold in (0, 1):
                wall = datetime.combine(today + timedelta(days=days), edge, zone)
                instants.add(wall.replace(fold=fold).astimezone(UTC))
    yield from sorted(instant for instant in instants if instant > now)


@lru_cache(maxsize=64)
def _jumps(zone: ZoneInfo, day: date) -> tuple[datetime, ...]:
    """When the zone's clocks are changed around a day."""
    at = datetime.combine(day, time(), UTC) - timedelta(hours=14)  # no zone is further ahead
    jumps = []
    while at.date() <= day + timedelta(days=1):
        following = at + _STEP
        if at.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            jumps.append(following)
        at = following
    return tuple(jumps)
