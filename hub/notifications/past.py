"""When a rule would have told something in the last 30 days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from contracts.reading import SeriesKey
from hub.database.database import Database
from hub.database.queries import Queries
from hub.explain.outages import merged
from hub.explain.problems import OutagesLike
from hub.notifications.finding import Around, Findings
from hub.notifications.model import Rule, RuleKind
from hub.notifications.sources.courses import PlacedReading, RuleCourses, WatchedSeries
from hub.zones.service import ZoneService

__all__ = ["DAYS", "PastTrial", "Tried", "WouldTell"]

_QUERIES = Queries.of("hub.notifications.sources")
_PLACES, _READINGS = (
    Queries.of("hub.notifications")[name] for name in ("places", "readings_after")
)

DAYS = 30
"""How far back a rule is tried."""

_MOST_SERIES, _MOST_READINGS, _MOST_TIMES = 100, 50_000, 1000
# Of the interval between readings, and s: as patient as hub.homekit.presence.
_SHARE, _MARGIN_S = 1.2, 60.0


@dataclass(frozen=True, slots=True)
class WouldTell:
    """Once: about `name`, from `since` until `until` (None: it goes on)."""

    name: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Tried:
    """The times, the earliest first; `known` False: of such rules the past says nothing.

    `whole` False: there is more than was looked at.
    """

    times: list[WouldTell]
    known: bool = True
    whole: bool = True

    def __str__(self) -> str:
        if not self.known:
            return "what it would have told in the past is not known"
        number = len(self.times)
        times = {0: "nothing", 1: "once", 2: "twice"}.get(number, f"{number} times")
        least = "" if self.whole else "at least "
        said = "told you nothing" if number == 0 and self.whole else f"told you {least}{times}"
        return f"would have {said} in the last {DAYS} days"


class PastTrial:
    """Tries rules on what is stored."""

    def __init__(
        self,
        database: Database,
        outages: OutagesLike,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database, self._outages, self._clock = database, outages, clock

    async def tried(self, tenant: str, rule: Rule) -> Tried:
        """When it would have told something."""
        now = self._clock()
        since = now - timedelta(days=DAYS)
        if rule.kind is RuleKind.VALUE:
            return await self._values(tenant, rule, since, now)
        if rule.kind is RuleKind.SILENT:
            return await self._silent(tenant, rule, since, now)
        if rule.kind is RuleKind.AWAY:
            least = rule.options.lasting_s or 300.0
            times = [
                WouldTell("The hub", one.start, one.end)
                for one in self._outages.all()
                if one.start >= since and ((one.end or now) - one.start).total_seconds() >= least
            ]
            return Tried(_at_its_hours(rule, await self._around(tenant, now), times))
        if rule.kind is RuleKind.ROLLOUT:
            async with self._database.of(tenant).transaction() as conn:
                rows = await (await conn.execute(_QUERIES["past_halts"], [since])).fetchall()
            times = [WouldTell(f"Rollout {number}", at, None) for number, at in rows]
            return Tried(_at_its_hours(rule, await self._around(tenant, now), times))
        return Tried([], known=False)

    async def _around(self, tenant: str, now: datetime) -> Around:
        async with self._database.of(tenant).transaction() as conn:
            rows = await (await conn.execute(_PLACES)).fetchall()
        return Around(
            tenant, now, await ZoneService(self._database).of(tenant),
            {place: parent for place, parent, _ in rows},
            {place: name for place, _, name in rows},
        )  # fmt: skip

    async def _values(self, tenant: str, rule: Rule, since: datetime, now: datetime) -> Tried:
        around, courses = await self._around(tenant, now), RuleCourses(rule)
        limit = courses.threshold.limit
        facts = {
            "characteristic": rule.options.characteristic, "device": rule.device,
            "place": rule.place, "since": since, "limit": limit,
            "above": courses.threshold.above, "most": _MOST_SERIES + 1,
        }  # fmt: skip
        async with self._database.of(tenant).transaction() as conn:
            rows = await (await conn.execute(_QUERIES["past_series"], facts)).fetchall()
        times: list[WouldTell] = []
        for number, device, service, index, characteristic, name in rows[:_MOST_SERIES]:
            series = WatchedSeries(SeriesKey(device, service, index, characteristic), name)
            readings = await self._readings(tenant, number, since, now)
            found = _told(courses, number, series, readings=readings, since=since, around=around)
            always = replace(rule, created_at=None)
            times += [
                WouldTell(one.name, one.since, one.ending.at if one.ending else None)
                for one in found.begun
                if around.holds(always, one)
            ]
        return _in_order(times, whole=len(rows) <= _MOST_SERIES)

    async def _readings(
        self, tenant: str, number: int, since: datetime, now: datetime
    ) -> list[PlacedReading]:
        facts = {"series": [number], "after": [since], "until": now, "most": _MOST_READINGS}
        async with self._database.of(tenant).transaction() as conn:
            rows = await (await conn.execute(_READINGS, facts)).fetchall()
        return [(at, value, place) for _, at, value, place in rows]

    async def _silent(self, tenant: str, rule: Rule, since: datetime, now: datetime) -> Tried:
        """Gaps between a device's readings that its usual interval does not explain."""
        away = merged(self._outages.all(), now)
        facts = {
            "device": rule.device, "place": rule.place, "since": since, "now": now,
            "missed": rule.options.missed, "share": _SHARE, "margin": _MARGIN_S,
            "most": _MOST_SERIES + 1,
        }  # fmt: skip
        async with self._database.of(tenant).transaction() as conn:
            rows = await (await conn.execute(_QUERIES["past_series_of_devices"], facts)).fetchall()
            times = []
            for number, device, name in rows[:_MOST_SERIES]:
                gaps = await conn.execute(_QUERIES["past_gaps"], {**facts, "series": number})
                for start, end in await gaps.fetchall():
                    if not any(a < (end or now) and b > start for a, b in away):
                        times.append(WouldTell(name or device, start, end))
        around = await self._around(tenant, now)
        return _in_order(_at_its_hours(rule, around, times), whole=len(rows) <= _MOST_SERIES)


def _at_its_hours(rule: Rule, around: Around, times: Sequence[WouldTell]) -> list[WouldTell]:
    """Those that fall into the hours of a rule, by the clock of the tenant or of its place."""
    hours, zone = rule.options.hours, around.zones.of_place(rule.place)
    if hours is None:
        return list(times)
    return [one for one in times if hours.touch(one.since, one.until or around.now, zone)]


def _told(
    courses: RuleCourses,
    number: int,
    series: WatchedSeries,
    *,
    readings: Sequence[PlacedReading],
    since: datetime,
    around: Around,
) -> Findings:
    """What a rule finds in a series' readings, as if they came one by one."""
    if not readings:
        return Findings(courses.rule)
    place = readings[-1][2]
    courses.begin(number, since)
    return courses.findings({number: readings}, {number: series}, {number: place}, {}, around)


def _in_order(times: list[WouldTell], *, whole: bool) -> Tried:
    times.sort(key=lambda one: one.since)
    return Tried(times[-_MOST_TIMES:], whole=whole and len(times) <= _MOST_TIMES)
