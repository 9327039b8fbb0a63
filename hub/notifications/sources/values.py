"""Values above or below a limit: every reading once, in order, where its device was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from contracts.reading import SeriesKey
from hub.database.database import Database
from hub.database.queries import Queries
from hub.notifications.finding import Around, Finding, Findings
from hub.notifications.late import LateReadings
from hub.notifications.model import Alert, Rule
from hub.notifications.sources.courses import PlacedReading, RuleCourses, WatchedSeries

__all__ = ["ValueSource"]

_QUERIES = Queries.of("hub.notifications.sources")
_READINGS = Queries.of("hub.notifications")["readings_after"]

# Of a series at a look: a device that was away tells a week of minutes.
_MOST = 10_000
# Devices are renamed seldom.
_NAMES_HOLD = timedelta(minutes=10)


class ValueSource:
    """Looks at what was measured since the last look; after a restart from what is open."""

    def __init__(self, database: Database, late: LateReadings) -> None:
        self._database, self._late = database, late
        self._courses: dict[tuple[str, int], RuleCourses] = {}
        self._series: dict[str, dict[int, WatchedSeries]] = {}
        self._named_at: dict[str, datetime] = {}

    async def look(
        self, around: Around, rules: Sequence[Rule], known: Mapping[int, Mapping[str, Alert]]
    ) -> list[Findings]:
        """What began and ended since the last look."""
        tenant = around.tenant
        newest = await self._newest(tenant, {rule.options.characteristic for rule in rules})
        series = await self._named(around, [number for number, _, _ in newest])
        rows = [
            (number, at, series[number], place) for number, at, place in newest if number in series
        ]
        places = {number: place for number, _, place in newest}
        watched = [(self._of(tenant, rule), known.get(rule.id, {})) for rule in rules]
        after: dict[int, datetime] = {}
        for courses, before in watched:
            for number, since in courses.wanted(rows, before, around).items():
                after[number] = min(since, after.get(number, since))
        readings = await self._readings(around, after) if after else {}
        late = self._late.take(tenant)
        numbers = {one.key: number for number, one in series.items()} if late else {}
        earliest = {numbers[key]: at for key, at in late.items() if key in numbers}
        every = []
        for courses, before in watched:
            anew = courses.overtaken(earliest, series, places, around)
            found = courses.findings(readings, series, places, before, around)
            if anew:
                found.begun += await self._read_anew(courses, anew, series, around)
            every.append(found)
        return every

    async def _read_anew(
        self,
        courses: RuleCourses,
        anew: Mapping[int, datetime],
        series: Mapping[int, WatchedSeries],
        around: Around,
    ) -> list[Finding]:
        """What readings say that came after later ones; what goes on is found at the next look."""
        readings, begun = await self._readings(around, anew), []
        subjects = [series[number].key.full_name for number in anew]
        facts = {"rule": courses.rule.id, "subjects": subjects, "since": min(anew.values())}
        told: dict[str, list[tuple[datetime, datetime | None]]] = {}
        async with self._database.of(around.tenant).transaction() as conn:
            cursor = await conn.execute(_QUERIES["told_before"], facts)
            for subject, since, ended in await cursor.fetchall():
                told.setdefault(subject, []).append((since, ended))
        for number, rows in readings.items():
            its = told.get(series[number].key.full_name, ())
            begun += courses.read_anew(number, rows, series[number], its, around)
        return begun

    def _of(self, tenant: str, rule: Rule) -> RuleCourses:
        courses = self._courses.get((tenant, rule.id))
        if courses is None or not courses.follow(rule):
            courses = self._courses[tenant, rule.id] = RuleCourses(rule)
        return courses

    async def _newest(
        self, tenant: str, characteristics: set[str]
    ) -> list[tuple[int, datetime, int | None]]:
        async with self._database.of(tenant).transaction() as conn:
            cursor = await conn.execute(_QUERIES["newest_of"], [sorted(characteristics)])
            return list(await cursor.fetchall())

    async def _named(self, around: Around, numbers: Sequence[int]) -> dict[int, WatchedSeries]:
        tenant = around.tenant
        named_at = self._named_at.get(tenant)
        old = named_at is None or not timedelta() <= around.now - named_at < _NAMES_HOLD
        if old or around.replaced:
            self._series[tenant], self._named_at[tenant] = {}, around.now
        series = self._series[tenant]
        new = [number for number in numbers if number not in series]
        if new:
            async with self._database.of(tenant).transaction() as conn:
                rows = await (await conn.execute(_QUERIES["series_of"], [new])).fetchall()
            for number, device, service, index, characteristic, name in rows:
                key = SeriesKey(device, service, index, characteristic)
                series[number] = WatchedSeries(key, name)
        return series

    async def _readings(
        self, around: Around, after: Mapping[int, datetime]
    ) -> dict[int, list[PlacedReading]]:
        facts = {
            "series": list(after), "after": list(after.values()), "until": around.now,
            "most": _MOST,
        }  # fmt: skip
        found: dict[int, list[PlacedReading]] = {}
        async with self._database.of(around.tenant).transaction() as conn:
            cursor = await conn.execute(_READINGS, facts)
            for number, at, value, place in await cursor.fetchall():
                found.setdefault(number, []).append((at, value, place))
        return found
