"""Which time a chart shows: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

__all__ = ["SPANS", "ChartWindow", "latest"]

SPANS: dict[str, timedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}
"""The spans one can choose, by name."""

# A window may be as short as a minute and as long as there can be readings.
_SHORTEST = timedelta(minutes=1)
_FIRST = datetime(2015, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ChartWindow:
    """since <= t < until, aware."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.until - self.since

    def moved(self, steps: int, now: datetime) -> ChartWindow:
        """Earlier (negative) or later by its own length; never beyond now."""
        until = min(self.until + steps * self.length, max(now, self.until))
        return ChartWindow(until - self.length, until).within(now)

    def within(self, now: datetime) -> ChartWindow:
        """As far as it is of this world: from 2015 to now, and not too short."""
        until = min(max(self.until, _FIRST + _SHORTEST), now)
        since = max(min(self.since, until - _SHORTEST), _FIRST)
        return ChartWindow(since, until)

    def current(self, now: datetime) -> bool:
        """Whether it ends now, so that what comes belongs into it."""
        return now - self.until < timedelta(minutes=2)


def latest(name: str, now: datetime) -> ChartWindow:
    """The last hour, day ... ; a day for a name there is not."""
    return ChartWindow(now - SPANS.get(name, SPANS["day"]), now)
