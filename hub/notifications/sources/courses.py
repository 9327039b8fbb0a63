"""The series that a rule about a value watches. Pure: readings are handed in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from contracts.homekit.quantities import quantity, shown
from contracts.reading import SeriesKey
from hub.notifications.crossing import Course, Crossed, Threshold
from hub.notifications.finding import Around, Finding, FindingEnd, Findings
from hub.notifications.model import Alert, Rule, RuleOptions, kind_of, limit_said

__all__ = ["PlacedReading", "RuleCourses", "WatchedSeries", "threshold"]

# How far back the first look goes, at least: what came late shortly before the hub ended, or while
# it began. Of very many series less, for each is read.
_FIRST, _FIRST_OF_MANY, _MANY = timedelta(hours=6), timedelta(hours=1), 1000
# How far before a late reading one begins to read: as long as the one before it may have held.
_BEFORE = timedelta(hours=2)
# What is told later than that after it was over is told with when it became known.
_LATE = timedelta(minutes=15)
# By how much a value has to come back, where a rule does not say; else 2 % of the limit.
_MARGINS = {"°C": 0.5, "%": 2.0, "ppm": 50.0, "hPa": 1.0, "lx": 5.0}

PlacedReading: TypeAlias = tuple[datetime, float, int | None]
"""When, what (calibrated), and in which place its device was then."""


@dataclass(frozen=True, slots=True)
class WatchedSeries:
    """A series with its device's name for people."""

    key: SeriesKey
    device_name: str | None

    @property
    def name(self) -> str:
        """What people call it."""
        return self.device_name or self.key.device


def threshold(options: RuleOptions) -> Threshold:
    """Of a rule about a value, with the margin that fits its unit."""
    above = options.above is not None
    limit = options.above if options.above is not None else options.below or 0.0
    margin = options.margin
    if margin is None:
        kind = kind_of(options.characteristic)
        margin = 0.0 if kind.words else _MARGINS.get(kind.unit, abs(limit) * 0.02)
    return Threshold(limit, above, margin, timedelta(seconds=options.lasting_s))


class RuleCourses:
    """The courses of one rule's series, by number; those that are beyond are looked at always."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.threshold = threshold(rule.options)
        self._courses: dict[int, Course] = {}
        self._beyond: set[int] = set()

    def follow(self, rule: Rule) -> bool:
        """Take the rule as it is now; whether it still looks at the same."""
        before, self.rule = self.rule, rule
        return (before.options, before.place, before.device) == (
            rule.options, rule.place, rule.device,
        )  # fmt: skip

    def begin(self, number: int, at: datetime) -> None:
        """Watch a series from an instant on."""
        course = self._courses[number] = Course(self.threshold)
        course.at = at

    def wanted(
        self,
        newest: Collection[tuple[int, datetime, WatchedSeries, int | None]],
        known: Mapping[str, Alert],
        around: Around,
    ) -> dict[int, datetime]:
        """From when on which series' readings are needed; `newest`: when each was read last."""
        found: dict[int, datetime] = {}
        first = _FIRST if len(newest) <= _MANY else _FIRST_OF_MANY
        for number, at, series, place in newest:
            course = self._courses.get(number)
            if course is not None and course.at is not None and at <= course.at:
                if at == course.at:
                    continue
                # What was read is not there any more: it was dated by a clock that ran ahead.
                course = None
                self._courses.pop(number)
                self._beyond.discard(number)
            if not self._is_of(series) or not around.concerns(self.rule, series.key.device, place):
                continue
            if course is None:
                before = known.get(series.key.full_name)
                course = self._courses[number] = self._begun(at - first, before, around)
                if course.told:
                    self._beyond.add(number)
            found[number] = course.at or at
        return found

    def overtaken(
        self,
        earliest: Mapping[int, datetime],
        series: Mapping[int, WatchedSeries],
        places: Mapping[int, int | None],
        around: Around,
    ) -> dict[int, datetime]:
        """From when on series are to be read anew: those of which earlier readings came late."""
        found = {}
        for number, at in earliest.items():
            course = self._courses.get(number)
            if course is None or course.at is None or at > course.at or number not in series:
                continue
            device, rule = series[number].key.device, self.rule
            if self._is_of(series[number]) and around.concerns(rule, device, places.get(number)):
                found[number] = at - max(self.threshold.lasting, _BEFORE)
        return found

    def read_anew(
        self,
        number: int,
        rows: Sequence[PlacedReading],
        series: WatchedSeries,
        told: Sequence[tuple[datetime, datetime | None]],
        around: Around,
    ) -> list[Finding]:
        """What was beyond, and is over, and not told yet; `told` are the times that were.

        What goes on is taken over, unless it is told already.
        """
        course, begun = Course(self.threshold), []
        course.at = rows[0][0] - timedelta(microseconds=1) if rows else around.now
        for at, value, place in rows:
            if not around.concerns(self.rule, series.key.device, place):
                continue
            over = course.read(at, value)
            if over is not None and over.ended is not None:
                ended = over.ended
                if not any(a < ended and (b is None or b > over.since) for a, b in told):
                    begun.append(self._past(series, place, over, around))
        if course.at == self._courses[number].at and all(end is not None for _, end in told):
            self._courses[number] = course
            if course.since is not None:
                self._beyond.add(number)
        return begun

    def findings(
        self,
        readings: Mapping[int, Sequence[PlacedReading]],
        series: Mapping[int, WatchedSeries],
        places: Mapping[int, int | None],
        known: Mapping[str, Alert],
        around: Around,
    ) -> Findings:
        """What is new with these readings; `places`: where the devices of series are now."""
        found = Findings(self.rule)
        for number, rows in readings.items():
            course = self._courses.get(number)
            if course is None or number not in series:
                continue
            device = series[number].key.device
            for at, value, place in rows:
                if around.concerns(self.rule, device, place):
                    over = course.read(at, value)
                    if over is not None:
                        self._over(
                            found, series[number], over, place=place, known=known, around=around
                        )
            if course.since is not None:
                self._beyond.add(number)
        for number in list(self._beyond):
            self._go_on(
                found, number, series.get(number), places=places, known=known, around=around
            )
        self._end_lost(found, series, known, around)
        return found

    def _end_lost(
        self,
        found: Findings,
        series: Mapping[int, WatchedSeries],
        known: Mapping[str, Alert],
        around: Around,
    ) -> None:
        """What is open of a series that is not there any more: since before a restart."""
        left = {subject for subject, alert in known.items() if alert.ended_at is None}
        left -= found.ended.keys()
        if left:
            left -= {series[number].key.full_name for number in self._beyond if number in series}
        there = {one.key.full_name for one in series.values()} if left else set()
        for subject in left:
            gone = FindingEnd.of_unwatched(around.now, "it is not there any more")
            found.ended[subject] = around.moved_away if subject in there else gone

    def _go_on(
        self,
        found: Findings,
        number: int,
        series: WatchedSeries | None,
        *,
        places: Mapping[int, int | None],
        known: Mapping[str, Alert],
        around: Around,
    ) -> None:
        """What is beyond: whether it has lasted long enough by now, and is still here."""
        course = self._courses[number]
        if course.since is None or series is None:
            self._beyond.discard(number)
            return
        place, subject = places.get(number), series.key.full_name
        if number not in places or not around.concerns(self.rule, series.key.device, place):
            self._courses.pop(number)
            self._beyond.discard(number)
            found.ended[subject] = around.moved_away
            return
        # While nobody can be heard nobody knows how it goes on.
        course.pass_to(around.heard_until(course.at or around.now))
        crossed, before = course.open, known.get(subject)
        if crossed is not None and (before is None or before.ended_at is not None):
            found.begun.append(self._finding(series, place, crossed, around))

    def _over(
        self,
        found: Findings,
        series: WatchedSeries,
        over: Crossed,
        *,
        place: int | None,
        known: Mapping[str, Alert],
        around: Around,
    ) -> None:
        past, before = self._past(series, place, over, around), known.get(series.key.full_name)
        if before is not None and before.ended_at is None and past.ending is not None:
            found.ended[series.key.full_name] = past.ending
        else:
            found.begun.append(past)

    def _past(
        self, series: WatchedSeries, place: int | None, over: Crossed, around: Around
    ) -> Finding:
        """What is over, honest about when that was."""
        clock, kind = around.clock(place), quantity(series.key)
        at = over.ended or around.now
        text = (
            f"{kind.label.lower()} {shown(over.value, kind)} since {clock.at(at)}, after "
            f"{self._limit} since {clock.at(over.since)}"
        )
        if not kind.words:
            text += f" (at its worst {shown(over.worst, kind)})"
        if around.now - at > _LATE:
            text += f"; known since {clock.at(around.now)}"
        return replace(self._finding(series, place, over, around), ending=FindingEnd(at, text))

    def _finding(
        self, series: WatchedSeries, place: int | None, crossed: Crossed, around: Around
    ) -> Finding:
        kind, clock = quantity(series.key), around.clock(place)
        value = "" if kind.words else f"{shown(crossed.value, kind)}, "
        text = f"{kind.label.lower()} {value}{self._limit} since {clock.at(crossed.since)}"
        if crossed.worst != crossed.value and not kind.words:
            text += f" (at its worst {shown(crossed.worst, kind)})"
        key = series.key
        return Finding(
            key.full_name, series.name, text, crossed.since, key.device, place,
            held_from=crossed.since + self.threshold.lasting,
        )  # fmt: skip

    @property
    def _limit(self) -> str:
        return limit_said(self.rule.options)

    def _is_of(self, series: WatchedSeries) -> bool:
        return series.key.characteristic == self.rule.options.characteristic

    def _begun(self, first: datetime, before: Alert | None, around: Around) -> Course:
        """A course at its first look: after a restart it goes on from what is open, or ended.

        What devices told of the time in which the hub was away is looked at, too.
        """
        course, lasting = Course(self.threshold), self.threshold.lasting
        back = first - lasting
        if around.away:
            back = min(back, around.away[0][0] - lasting)
        if before is None:
            course.at = back
        elif before.ended_at is None:
            course.resume(before.since, self.threshold.limit)
        else:
            course.at = max(back, before.ended_at)
        return course
