"""Where a device was when, and what it means to be told of a move. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hub.errors import HubError

__all__ = ["MoveTimeError", "OverlappingStayError", "Stay", "told"]


@dataclass(frozen=True, slots=True)
class Stay:
    """A device in a place (its number), since <= t < until (aware); None: it still is."""

    place: int
    since: datetime
    until: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it was there at an instant."""
        return self.since <= at and (self.until is None or at < self.until)


class OverlappingStayError(HubError):
    """A device is known to have been somewhere else in the time that was told."""

    http_status = 409

    def __init__(self, stay: Stay, device: str = "the device", place: str = "") -> None:
        self.stay = stay
        until = f"until {_minute(stay.until)}" if stay.until else "on"
        super().__init__(
            f"{device} is known to be in {place or f'place {stay.place}'} from "
            f"{_minute(stay.since)} {until}, and is in one place at a time: "
            "give a later `since`, or an `until` that is not after that"
        )


class MoveTimeError(HubError):
    """A time of a move that cannot be."""

    http_status = 422


def told(
    stays: Sequence[Stay], place: int | None, since: datetime, until: datetime | None = None
) -> list[Stay]:
    """The stays of a device (in order), once it is told that it was in a place (None: in none).

    The stay that it moved away from ends at `since`; with `until` it goes on there. Where it is in
    that place now, its move there happened at `since` instead. Raises OverlappingStayError where
    it is known to have been moved elsewhere within that time.
    """
    if until is None and stays and _corrected(stays[-1], place, since):
        return _came_later(stays, since)
    current = next((stay for stay in stays if stay.holds(since)), None)
    later = [stay for stay in stays if stay.since > since]
    touched = [stay for stay in later if until is None or stay.since < until]
    for stay in touched:
        if stay.place != place:
            raise OverlappingStayError(stay)
    result = [stay for stay in stays if stay.until is not None and stay.until <= since]
    begin, end, rest = since, until, []
    if current is not None:
        goes_on = until is not None and (current.until is None or until < current.until)
        if current.place == place:
            begin = current.since
            end = current.until if goes_on else end
        else:
            if current.since < since:
                result.append(replace(current, until=since))
            rest = [replace(current, since=until)] if goes_on and until is not None else []
    for stay in touched:
        end = None if stay.until is None or end is None else max(end, stay.until)
    if place is not None:
        result.append(Stay(place, begin, end))
    return [*result, *rest, *later[len(touched) :]]


def _corrected(last: Stay, place: int | None, since: datetime) -> bool:
    """Whether it is told that its last move happened later than was known."""
    return last.until is None and last.place == place and last.since < since


def _came_later(stays: Sequence[Stay], since: datetime) -> list[Stay]:
    *before, last = stays
    if before and before[-1].until == last.since:
        before[-1] = replace(before[-1], until=since)
    return [*before, replace(last, since=since)]


def _minute(instant: datetime | None) -> str:
    return "" if instant is None else f"{instant:%Y-%m-%d %H:%M:%S %Z}"
