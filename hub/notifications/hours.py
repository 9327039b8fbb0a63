"""When a channel may be used, and when a rule holds, on a place's clock. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

__all__ = ["DayHours", "Hours"]

_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Hours:
    """What a channel's owner wants; all may be None or False.

    Quiet from `quiet_from` until `quiet_until` (over midnight where the latter is earlier; the
    same time twice is none), `weekends`: all of Saturday and Sunday. `digest_at` is when
    what came is told together.
    """

    quiet_from: time | None = None
    quiet_until: time | None = None
    weekends: bool = False
    digest_at: time | None = None

    def due(self, now: datetime, zone: ZoneInfo, *, urgent: bool = False) -> datetime:
        """When something of now is told, UTC: at once, else when it is next allowed."""
        if urgent:
            return now
        at = now if self.digest_at is None else _next(self.digest_at, now, zone)
        # Quiet hours and weekends may follow each other, and a digest may lie in them.
        for _ in range(8):
            later = self._quiet_until(at, zone)
            if later is None:
                break
            at = later
        return at

    def quiet(self, now: datetime, zone: ZoneInfo) -> bool:
        """Whether it is quiet now."""
        return self._quiet_until(now, zone) is not None

    def _quiet_until(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        today = at.astimezone(zone).date()
        spans = []
        begins, ends_at = self.quiet_from, self.quiet_until
        if begins is not None and ends_at is not None and begins != ends_at:
            over = ends_at < begins
            for day in (today - _DAY, today):
                end = day + _DAY if over else day
                spans.append((day, begins, end, ends_at))
        if self.weekends:
            saturday = today - timedelta(days=(today.weekday() - _SATURDAY) % 7)
            spans.append((saturday, time(), saturday + 2 * _DAY, time()))
        ends = []
        for first, since, last, until in spans:
            # Where the clock is set back over an edge the quiet time is the longer one.
            start, end = _instant(first, since, zone, 0), _instant(last, until, zone, 1)
            if start <= at < end:
                ends.append(end)
        return max(ends, default=None)


@dataclass(frozen=True, slots=True)
class DayHours:
    """Each day's hours in which a rule holds: from `since`, over midnight where that is later.

    An hour that comes twice belongs to them both times; one that the clocks skip is none.
    """

    since: time
    until: time

    def touch(self, start: datetime, end: datetime, zone: ZoneInfo) -> bool:
        """Whether any of them lies between two instants (the first counts, the last does not)."""
        day, last = start.astimezone(zone).date() - _DAY, end.astimezone(zone).date()
        while day <= last:
            begins, ends = self._of(day, zone)
            if begins < ends and (begins <= start < ends or start < begins < end):
                return True
            day += _DAY
        return False

    def hold(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether an instant is one of them."""
        return self.touch(at, at, zone)

    def _of(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        last = day + _DAY if self.until < self.since else day
        return _instant(day, self.since, zone, 0), _instant(last, self.until, zone, 1)


def _next(wanted: time, now: datetime, zone: ZoneInfo) -> datetime:
    """The next instant, from now on, at which the wall clock shows that time."""
    today = now.astimezone(zone).date()
    found = (_instant(today + n * _DAY, wanted, zone, 0) for n in (0, 1, 2))
    return next(at for at in found if at >= now)


def _instant(day: date, wanted: time, zone: ZoneInfo, fold: int) -> datetime:
    """The instant (UTC) of a local time; one that the clocks skip is as long after the skip."""
    local = datetime.combine(day, wanted, zone).replace(fold=fold)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        local = local.replace(fold=0)
    return local.astimezone(UTC)
