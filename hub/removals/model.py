"""What can be removed, and what is told of it afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from contracts.reading import SeriesKey
from hub.errors import HubError

__all__ = [
    "DeviceInRolloutError",
    "NothingToRemoveError",
    "Removal",
    "RemovalKind",
    "RemovalRequest",
    "day_of",
    "pieces",
    "steps",
]

# A step is a transaction, for which readings on their way in wait: a week of a series that is
# measured every second takes 2 s.
_STEP = timedelta(days=7)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class RemovalKind(StrEnum):
    """What is removed: readings of one instant or of a span, a series, a device."""

    READING = "reading"
    SPAN = "span"
    SERIES = "series"
    DEVICE = "device"


class NothingToRemoveError(HubError):
    """There is nothing of what was to be removed."""

    http_status = 404
    exit_status = 2


class DeviceInRolloutError(HubError):
    """A device that is being updated cannot be removed."""

    def __init__(self, device: str, rollout: int) -> None:
        self.device, self.rollout = device, rollout
        super().__init__(
            f"{device} is in rollout {rollout}, which has not ended: abort that first "
            f"(`dormouse rollout abort {rollout}`)"
        )


@dataclass(frozen=True, slots=True)
class RemovalRequest:
    """What somebody wants removed, since <= t < until (None: all there is), and why."""

    what: RemovalKind
    device: str
    series: SeriesKey | None
    since: datetime | None
    until: datetime | None
    who: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Removal:
    """A removal as the trail has it.

    `readings` counts those that went so far. `bins_kept` are bins of an hour or a day at the ends
    of a span, of which the readings were gone already: they are as they were. `finished_at` is
    None while it is under way.
    """

    id: int
    what: RemovalKind
    device: str
    series: str | None
    since: datetime | None
    until: datetime | None
    who: str
    why: str
    at: datetime
    readings: int
    bins_kept: int
    finished_at: datetime | None


def pieces(
    since: datetime | None, until: datetime | None, first: datetime, last: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """The steps of a span (None: open) of which there is something from `first` until `last` only.

    Those two are beginnings of days. The days that the ends lie in are looked at all the same:
    bins there reach beyond the span.
    """
    since, until = since or first, until or last
    if since < first:
        yield since, min(until, day_of(since) + timedelta(days=1))
    yield from steps(max(since, first), min(until, last))
    if until > last and day_of(until) < until:
        yield max(since, day_of(until)), until


def day_of(instant: datetime) -> datetime:
    """When the day (UTC) of an instant begins."""
    return instant - (instant - _EPOCH) % timedelta(days=1)


def steps(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """A span in pieces of a week at most, cut where bins of a day (UTC) are."""
    begin = since
    while begin < until:
        edge = begin - (begin - _EPOCH) % _STEP + _STEP
        yield begin, min(edge, until)
        begin = edge
