"""Time zones by IANA's names: days and hours as a place has them, local times as people type them.

A day begins with the first instant that has its date, so that days are of 23, 24 or 25 hours (or
23.5 and 24.5, on Lord Howe). An hour is one of the wall clock; where the clock is changed another
one begins. Pure but for the zone tables, which are read once.
"""

from __future__ import annotations

import difflib
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from contracts.errors import ContractError

__all__ = [
    "LocalTimeError",
    "OffsetRun",
    "UnknownZoneError",
    "day_edges",
    "hour_edges",
    "instant_of_local",
    "is_utc",
    "offset_runs",
    "offset_text",
    "twice",
    "zone_names",
    "zone_of",
    "zoned",
]

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
# Names in the tables that are no place's: they differ from machine to machine, or say nothing.
_NOT_OF_A_PLACE = frozenset({"localtime", "Factory", "posixrules"})


class UnknownZoneError(ContractError):
    """There is no such time zone."""

    http_status = 422

    def __init__(self, name: str) -> None:
        self.name = name
        near = difflib.get_close_matches(name, _names(), 1, 0.7)
        hint = f": is it {near[0]}?" if near else ": write one like Europe/Berlin"
        super().__init__(f"{name[:64]!r} is no time zone{hint}")


class LocalTimeError(ContractError):
    """A local time that no instant has, or two: the `choices` then, in order."""

    http_status = 422

    def __init__(self, message: str, choices: tuple[datetime, ...] = ()) -> None:
        self.choices = choices
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class OffsetRun:
    """since <= t < until (UTC), in which a zone's clocks stand `offset` from UTC."""

    since: datetime
    until: datetime
    offset: timedelta


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones()) - _NOT_OF_A_PLACE


def zone_names() -> list[str]:
    """Every zone of a place, by IANA's names and their older ones, sorted."""
    return sorted(_names())


def zone_of(name: str) -> ZoneInfo:
    """The zone of that name, as IANA spells it. Raises UnknownZoneError."""
    if name not in _names():
        raise UnknownZoneError(name)
    return ZoneInfo(name)


def is_utc(zone: ZoneInfo) -> bool:
    """Whether it is UTC itself, by any of its names."""
    return zone.key.removeprefix("Etc/") in {"UTC", "UCT", "Universal", "Zulu"}


@lru_cache(maxsize=4096)
def _changes(zone: ZoneInfo, year: int) -> tuple[datetime, ...]:
    """The instants (UTC) of a year at which the zone's clocks are changed."""
    at, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    changes = []
    while at < end:
        following = at + _DAY
        if _offset(zone, at) != _offset(zone, following):
            changes.append(_change(zone, at, following))
        at = following
    return tuple(changes)


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first instant with the later offset; whole seconds."""
    low, high = 0, int((after - before).total_seconds())
    offset = _offset(zone, before)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, before + timedelta(seconds=middle)) == offset:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


def offset_runs(zone: ZoneInfo, since: datetime, until: datetime) -> list[OffsetRun]:
    """A span cut where the zone's clocks are changed; the parts touch, in order."""
    edges = [
        change
        for year in range(since.astimezone(UTC).year, until.astimezone(UTC).year + 1)
        for change in _changes(zone, year)
        if since < change < until
    ]
    edges = [since.astimezone(UTC), *edges, until.astimezone(UTC)]
    return [OffsetRun(a, b, _offset(zone, a)) for a, b in pairwise(edges) if a < b]


def _first_instant(zone: ZoneInfo, day: date) -> datetime:
    """When a date begins (UTC): at midnight, or where the clock skips midnight with the change."""
    midnight = datetime.combine(day, time(), zone)
    found = midnight.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return found
    runs = offset_runs(zone, found - _DAY * 2, found + _DAY * 2)
    return next((run.since for run in runs[1:] if run.since <= found < run.until), found)


def day_edges(zone: ZoneInfo, since: datetime, until: datetime) -> list[datetime]:
    """Where days begin and end (UTC), of those that since <= t < until lies in, in order."""
    day, last = (t.astimezone(zone).date() for t in (since, until - timedelta.resolution))
    # Where a clock is set back over midnight, the date before comes twice.
    if _first_instant(zone, day) > since:
        day -= _DAY
    last = max(day, last)
    edges = [_first_instant(zone, day)]
    while day <= last:
        day += _DAY
        edge = _first_instant(zone, day)
        if edge > edges[-1]:  # a date that a zone left out has no time
            edges.append(edge)
    while len(edges) > 2 and edges[-2] >= until:
        edges.pop()
    return edges


def hour_edges(zone: ZoneInfo, since: datetime, until: datetime) -> list[datetime]:
    """Where hours of the wall clock begin and end (UTC), of those that a span lies in, in order."""
    # From a little before, so that the hour that it begins in is whole.
    edges: list[datetime] = []
    for run in offset_runs(zone, since - _HOUR * 2, until + _HOUR * 2):
        if edges and edges[-1] != run.since:
            edges.append(run.since)
        local = (run.since + run.offset).replace(minute=0, second=0, microsecond=0)
        edge = local - run.offset
        while edge < run.until:
            if edge >= run.since and edge not in edges[-1:]:
                edges.append(edge)
            edge += _HOUR
    first = bisect_right(edges, since.astimezone(UTC)) - 1
    last = bisect_right(edges, (until - timedelta.resolution).astimezone(UTC))
    return edges[max(0, first) : last + 1]


def instant_of_local(text: str, zone: ZoneInfo) -> datetime:
    """The instant (UTC) of a time that a person typed, ISO 8601: local, or with its offset.

    Raises LocalTimeError for one that the zone's clocks skip, one that comes twice (to be written
    with its offset then), and for what is no time.
    """
    try:
        typed = datetime.fromisoformat(text.strip())
    except ValueError:
        raise LocalTimeError(f"{text[:64]!r} is no time: write 2026-03-01T12:00") from None
    if typed.tzinfo is not None:
        return typed.astimezone(UTC)
    first, second = (typed.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    shown = f"{typed:%Y-%m-%d %H:%M}"
    choices = tuple(sorted((first.astimezone(UTC), second.astimezone(UTC))))
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != typed:
        raise LocalTimeError(
            f"{shown} does not exist in {zone.key}: the clocks are put forward over it"
        )
    ways = " or ".join(f"{typed:%Y-%m-%dT%H:%M}{offset_text(one)}" for one in (first, second))
    raise LocalTimeError(f"{shown} comes twice in {zone.key}: write {ways}", choices)


def offset_text(instant: datetime) -> str:
    """The offset of an aware time as ISO 8601 has it: `+05:45`; `+00:00` for UTC."""
    offset = instant.utcoffset() or timedelta()
    sign, minutes = ("-", -offset) if offset < timedelta() else ("+", offset)
    total = round(minutes.total_seconds()) // 60
    return f"{sign}{total // 60:02}:{total % 60:02}"


def zoned(instant: datetime, zone: ZoneInfo, form: str = "%Y-%m-%d %H:%M") -> str:
    """An instant on a place's clock; with its offset where that time comes twice."""
    local = instant.astimezone(zone)
    return f"{local:{form}}{twice(local)}"


def _exists(local: datetime) -> bool:
    again = local.astimezone(UTC).astimezone(local.tzinfo)
    return again.replace(tzinfo=None) == local.replace(tzinfo=None)


def twice(local: datetime) -> str:
    """` (+02:00)` for a local time that comes twice, else nothing."""
    other = local.replace(fold=1 - local.fold)
    # A zone that is a fixed offset has no second time; what the clocks skip is no time of theirs.
    if other.utcoffset() == local.utcoffset() or not _exists(local):
        return ""
    return f" ({offset_text(local)})"
