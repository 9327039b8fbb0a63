"""Where an axis of time has its marks, and what they say: by the clock of a place. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from contracts.zones import day_edges, hour_edges, twice

__all__ = ["time_marks"]

_MOST = 12
_MINUTES = (1, 2, 5, 10, 15, 30)
_HOURS = (1, 2, 3, 6, 12)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 3, 6, 12, 24, 60)


def time_marks(since: int, until: int, zone: ZoneInfo) -> list[tuple[int, str]]:
    """Instants (ms since the epoch) within a span, and their texts: 14:05, 25 Oct, Nov 2026.

    Twelve at most. A time that comes twice is told with its offset.
    """
    begin, end = (datetime.fromtimestamp(t / 1000, UTC) for t in (since, until))
    length = end - begin
    for step in _MINUTES:
        if length <= timedelta(minutes=step * _MOST):
            return _told(_minutes(begin, end, step, zone), begin, end, zone)
    if length <= timedelta(hours=_HOURS[-1] * _MOST):
        step = next(step for step in _HOURS if length <= timedelta(hours=step * _MOST))
        hours = [t for t in hour_edges(zone, begin, end) if _hour(t, zone) % step == 0]
        return _told(hours, begin, end, zone)
    days = day_edges(zone, begin, end)
    step = next((step for step in _DAYS if len(days) <= step * _MOST), 0)
    if step:
        kept = [t for t in days if t.astimezone(zone).toordinal() % step == 0]
        return _told(kept, begin, end, zone)
    firsts = [t for t in days if t.astimezone(zone).day == 1]
    step = next((step for step in _MONTHS if len(firsts) <= step * _MOST), _MONTHS[-1])
    kept = [t for t in firsts if _month(t, zone) % step == 0]
    return _told(kept, begin, end, zone, "%b %Y")


def _minutes(begin: datetime, end: datetime, step: int, zone: ZoneInfo) -> list[datetime]:
    edges = hour_edges(zone, begin, end)
    marks = []
    for n, edge in enumerate(edges[:-1]):
        at = edge
        while at < edges[n + 1]:
            marks.append(at)
            at += timedelta(minutes=step)
    return marks


def _hour(instant: datetime, zone: ZoneInfo) -> int:
    return instant.astimezone(zone).hour


def _month(instant: datetime, zone: ZoneInfo) -> int:
    local = instant.astimezone(zone)
    return local.year * 12 + local.month - 1


def _told(
    marks: list[datetime], begin: datetime, end: datetime, zone: ZoneInfo, form: str = ""
) -> list[tuple[int, str]]:
    told = []
    for at in marks:
        if begin <= at <= end:
            local = at.astimezone(zone)
            midnight = (local.hour, local.minute) == (0, 0)
            text = local.strftime(form or ("%-d %b" if midnight else "%H:%M"))
            told.append((round(at.timestamp() * 1000), text + ("" if form else twice(local))))
    return told
