"""When a backup is due, and which ones may go: without I/O."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import date, datetime, time, timedelta, tzinfo

from hub.backups.model import BackupName

__all__ = ["drill_due", "next_due", "superfluous"]

DRILL_EVERY = timedelta(days=7)
# A drill begins with the backup of that night, which is not made at the same second each time.
_EARLY = timedelta(hours=12)


def superfluous(
    names: Iterable[BackupName],
    newest: BackupName,
    *,
    daily: int,
    weekly: int,
    zone: tzinfo,
    keep: Sequence[str] = (),
) -> list[BackupName]:
    """Those that have had their time, now that `newest` is good, oldest first.

    Kept are the newest of each of the last `daily` days and `weekly` weeks (from Monday) in which
    any was made, `newest`, all that came after it, other hubs', and those named in `keep`. Days
    without backups do not count: nothing goes because time passes.
    """
    ours = sorted((one for one in names if one.hub == newest.hub), reverse=True)
    older = [one for one in ours if one.number <= newest.number]
    kept = {newest}
    for most, bucket in ((daily, _day), (weekly, _week)):
        kept |= _newest_of_each(older, most, functools.partial(bucket, zone=zone))
    return [one for one in reversed(older) if one not in kept and str(one) not in keep]


def _newest_of_each(
    names: Iterable[BackupName], most: int, bucket: Callable[[datetime], Hashable]
) -> set[BackupName]:
    """`names` from the newest on."""
    found: dict[Hashable, BackupName] = {}
    for one in names:
        found.setdefault(bucket(one.at), one)
    return set(list(found.values())[:most])


def _day(at: datetime, zone: tzinfo) -> date:
    return at.astimezone(zone).date()


def _week(at: datetime, zone: tzinfo) -> tuple[int, int]:
    return at.astimezone(zone).isocalendar()[:2]


def next_due(last: datetime | None, now: datetime, hour: int, zone: tzinfo) -> datetime:
    """When the next one is to be made, `now` at the earliest: once a day at `hour` of `zone`.

    One that was missed is due now. An hour that the clocks skip comes as soon as it would have, one
    that comes twice counts once. A `last` that lies in the future was dated by a clock that was
    wrong: then it is due now.
    """
    if last is None or last > now:
        return now
    day = last.astimezone(zone).date() - timedelta(days=1)
    while (due := _at(day, hour, zone)) <= last:
        day += timedelta(days=1)
    return max(due, now)


def _at(day: date, hour: int, zone: tzinfo) -> datetime:
    """That hour of a day, the first where it comes twice."""
    local = datetime.combine(day, time(hour), zone)
    return datetime.fromtimestamp(local.timestamp(), zone)


def drill_due(last: datetime | None, now: datetime, *, passed: bool) -> bool:
    """Whether a backup is to be restored beside: weekly, and with the next one after a failure."""
    if last is None or not passed or last > now:
        return True
    return now - last >= DRILL_EVERY - _EARLY
