"""Instants as people say them: `today 12:37`, `Fri 15:20`, `18 Aug 03:12`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from contracts.zones import twice

__all__ = ["when"]

_WEEK = timedelta(days=6)


def when(instant: datetime, zone: ZoneInfo, now: datetime | None = None) -> str:
    """An instant on a place's clock, as seen from `now`: with the year where it is another one.

    With its offset where that time comes twice.
    """
    local, today = instant.astimezone(zone), (now or datetime.now(UTC)).astimezone(zone).date()
    days = today - local.date()
    if not days:
        day = "today"
    elif days == timedelta(days=1):
        day = "yesterday"
    elif days == timedelta(days=-1):
        day = "tomorrow"
    elif timedelta() < days <= _WEEK:
        day = f"{local:%a}"
    else:
        day = f"{local.day} {local:%b}{'' if local.year == today.year else f' {local.year}'}"
    return f"{day} {local:%H:%M}{twice(local)}"
