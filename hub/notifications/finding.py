"""What a look at the world finds with regard to a rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from contracts.show import Clock
from hub.notifications.model import Alert, Rule
from hub.zones.service import TenantZones

__all__ = ["Around", "Finding", "FindingEnd", "FindingSource", "Findings"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule holds for `subject` since then; `name` is what it is about, `text` what is so.

    `ending`: it is over already. `held_from` is since when it is to be told (None: `since`).
    """

    subject: str
    name: str
    text: str
    since: datetime
    device: str | None = None
    place: int | None = None
    ending: FindingEnd | None = None
    held_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class FindingEnd:
    """It is over since `at`; `text` says it, also to who has not heard of it.

    `unwatched`: nobody looks any more, so that only who heard of it is told.
    """

    at: datetime
    text: str
    unwatched: bool = False

    @classmethod
    def of_unwatched(cls, at: datetime, why: str) -> FindingEnd:
        """Nobody looks any more, for a reason that completes a sentence."""
        return cls(at, f"no longer watched: {why}", unwatched=True)


@dataclass(slots=True)
class Findings:
    """What is new of a rule, and which of its open alerts are over, by subject."""

    rule: Rule
    begun: list[Finding] = field(default_factory=list)
    ended: dict[str, FindingEnd] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Around:
    """A tenant as of a look: its time, its places (parent by number, names), its zones.

    `deaf`: nobody can be heard now. `away` are the times of the last hours in which nobody could,
    in order. `replaced`: a device took another's place since the last look. `tells_tunnels`: a
    tunnel that is down is told of, once, and not each device behind it.
    """

    tenant: str
    now: datetime
    zones: TenantZones
    parents: Mapping[int, int | None]
    names: Mapping[int, str]
    deaf: bool = False
    away: Sequence[tuple[datetime, datetime]] = ()
    replaced: bool = False
    tells_tunnels: bool = False

    @property
    def moved_away(self) -> FindingEnd:
        """The end of what is not where its rule looks any more."""
        return FindingEnd.of_unwatched(self.now, "it was moved to another place")

    def clock(self, place: int | None) -> Clock:
        """The clock of a place."""
        return Clock(self.now, self.zones.of_place(place))

    def heard_until(self, at: datetime) -> datetime:
        """Until when nothing new since `at` means that nothing changed."""
        return min((start for start, end in self.away if end > at), default=self.now)

    def holds(self, rule: Rule, finding: Finding) -> bool:
        """Whether a rule tells of something: it was there, and these are its hours."""
        hours, ending = rule.options.hours, finding.ending
        if ending is not None and rule.created_at is not None and ending.at < rule.created_at:
            return False
        if hours is None:
            return True
        zone, since = self.zones.of_place(finding.place), finding.held_from or finding.since
        if ending is None:
            return hours.hold(self.now, zone)
        return hours.touch(since, ending.at, zone)

    def concerns(self, rule: Rule, device: str | None, place: int | None) -> bool:
        """Whether a rule is about a device that is in that place."""
        if rule.device is not None:
            return device == rule.device
        return rule.place is None or self.within(rule.place, place)

    def within(self, outer: int, place: int | None) -> bool:
        """Whether a place is another or lies below it."""
        return place is not None and outer in self.path(place)

    def path(self, place: int | None) -> list[int]:
        """A place and those around it, from the inside out."""
        found: list[int] = []
        while place is not None and place not in found:
            found.append(place)
            place = self.parents.get(place)
        return found

    def common(self, places: Sequence[int | None]) -> str | None:
        """The name of the innermost place in which all of these are; None: there is none."""
        paths = [self.path(place) for place in places]
        shared = (one for one in paths[0] if all(one in path for path in paths)) if paths else ()
        found = next(iter(shared), None)
        return None if found is None else self.names.get(found)


class FindingSource(Protocol):
    """What can be told of, of one kind of rules."""

    async def look(
        self, around: Around, rules: Sequence[Rule], known: Mapping[int, Mapping[str, Alert]]
    ) -> list[Findings]:
        """What is new; `known` has by rule and subject what is open, or ended not long ago."""
