"""Two tenants lead the same life, one with packed readings: every question has one answer."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contracts.reading import Reading, SeriesKey
from hub.database.database import Database, TenantDatabase
from hub.places.repository import PlaceRepository
from hub.readings.answers import pieces
from hub.readings.points import Form, PointRepository, Resolution, Span
from hub.readings.repository import Bins, ReadingRepository
from hub.readings.service import ReadingService
from hub.removals.model import RemovalKind, RemovalRequest
from hub.removals.repository import RemovalRepository
from hub.upkeep.packing import Packing, packed_of
from tests.hub.ingest.test_ingest import key, stored
from tests.support import seeds

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
OLD = TODAY - timedelta(days=50)
SPAN = Span(OLD - timedelta(days=1), TODAY)  # a state of now would go on meanwhile
MIDDLE = Span(OLD + timedelta(days=3, hours=7, minutes=11), OLD + timedelta(days=9, hours=1))
ASKED = (
    (Form.JSON, ZoneInfo("UTC"), SPAN),
    (Form.CSV, ZoneInfo("Australia/Adelaide"), MIDDLE),
    (Form.PACKED, ZoneInfo("Asia/Kathmandu"), MIDDLE),
)
SERIES = (
    key(),
    SeriesKey("d1", "EveEnergy", 0, "EveTotalConsumption"),
    SeriesKey("d2", "ContactSensor", 0, "ContactSensorState"),
    key("d2", "Note"),
)
TENANTS = ("home", "beach")


def value_of(series: SeriesKey, rng: random.Random) -> float | bool | str:
    """Eighths: their sums are the same in any order."""
    if series == SERIES[2]:
        return rng.random() < 0.5
    return rng.choice(["on", "off", "Ö"]) if series == SERIES[3] else rng.randrange(-400, 800) / 8


async def answers(store: Database, tenant: str) -> dict[str, Any]:
    """Whatever can be asked."""
    database = store.of(tenant)
    readings, repository = ReadingService(store).of(tenant), ReadingRepository(database)
    found: dict[str, Any] = {}
    series = await readings.find(SERIES)
    for one in series:
        name = one.key.full_name
        found[f"samples {name}"] = await repository.samples(one.key, SPAN.since, SPAN.until)
        for width in Bins:
            found[f"{width} {name}"] = await repository.bins(one.key, *_ends(SPAN), width)
        for span in (SPAN, MIDDLE):
            found[f"count {name} {span}"] = [
                await readings.count([one], span, most) for most in (5, 10**6)
            ]
            found[f"gaps {name} {span}"] = await readings.gaps(one, span, Resolution.RAW)
            found[f"choice {name} {span}"] = await readings.choose([one], span, 60)
        for days in (3.1, 8.5, 49):
            if one.kind != "string":
                at = OLD + timedelta(days=days)
                found[f"state {name} {days}"] = await readings.state_at(one, at)
    for form, zone, span in ASKED:
        for resolution in Resolution:
            found[f"{form} {resolution} {span}"] = [
                (number, _plain(piece))
                async for number, piece in readings.pieces(series, span, resolution, form, zone)
            ]
    points = PointRepository(database)
    found["small pieces"] = [
        _plain(piece)
        for one in (series[0], series[3])
        async for piece in points.pieces(one, SPAN, Form.JSON, 23)
    ]
    async with database.transaction() as conn:
        ((place,),) = await (await conn.execute("SELECT max(id) FROM dormouse.place")).fetchall()
    there = await readings.find_in_place(place, SPAN, None)
    found["placed"] = [
        (number, _plain(piece))
        async for number, piece in readings.pieces(there, SPAN, Resolution.RAW, Form.CSV)
    ]
    for table in ("calibrated", "placed"):
        query = (
            "SELECT d.key, s.characteristic, r.at, r.raw, r.value, r.text "
            f"FROM dormouse.{table} r JOIN dormouse.series s ON s.id = r.series_id "
            "JOIN dormouse.device d ON d.id = s.device_id ORDER BY 1, 2, 3, 4, 6"
        )
        found[table] = [row async for _, rows in pieces(database, query) for row in rows]
    removals = RemovalRepository(database)
    found["newest"] = [await removals.newest(one) for one in SERIES]
    for one in series:
        for span in ((None, None), _ends(MIDDLE)):
            found[f"reach {one.key.full_name} {span}"] = await removals.reach(one.id, *span)
    return found


def _ends(span: Span) -> tuple[datetime, datetime]:
    return span.since, span.until


def _plain(piece) -> Any:
    return piece.count, piece.text, [list(column) for column in piece.columns]


async def same_answers(store: Database) -> None:
    for tenant in TENANTS:
        async with store.of(tenant).transaction() as conn:
            # Or the days that were worked out before would answer.
            await conn.execute("DELETE FROM dormouse.day_bin")
    packed, plain = [await answers(store, tenant) for tenant in TENANTS]
    assert packed.keys() == plain.keys()
    for question, answer in plain.items():
        assert repr(packed[question]) == repr(answer), question


Change = Callable[[TenantDatabase], Awaitable[object]]


def change(rng: random.Random) -> tuple[str, Change]:
    """Something that people or devices do, for whichever tenant."""
    series = rng.choice(SERIES)
    since = OLD + timedelta(seconds=rng.randrange(20 * 86400))
    until = since + timedelta(seconds=rng.choice([1, 5400, 86400, 4 * 86400]))
    if rng.random() < 0.3:
        since, until = (at.replace(hour=0, minute=0, second=0) for at in (since, until))
        until = max(until, since + timedelta(days=1))
    what = rng.choice(["late", "remove", "remove", "calibrate"])
    if what == "late":
        late = [
            Reading(one, value_of(one, rng), since + n * timedelta(minutes=7))
            for one in SERIES for n in range(30)
        ]  # fmt: skip
        return what, lambda database: stored(database.database, late, database.tenant)
    if what == "calibrate":
        gain = rng.choice([0.5, 2.0])
        return what, lambda database: ReadingRepository(database).calibrate(
            SERIES[0], gain=gain, offset=-3, since=since, until=rng.choice([None, until])
        )

    async def remove(database: TenantDatabase) -> int:
        request = RemovalRequest(RemovalKind.SPAN, series.device, series, since, until, "ann")
        removals = RemovalRepository(database)
        number = await removals.begin(request)
        await removals.carry_out(number, request)
        done = await removals.get(number)
        return done.readings, done.bins_kept

    return f"remove {series.full_name} {since} {until}", remove


@pytest.fixture
async def two(store: Database) -> Database:
    rng = random.Random(seeds.seed())
    readings = []
    for series in SERIES:
        for day in (*range(12), 20, 45, 49):
            times = sorted(rng.randrange(86400 * 8) for _ in range(24))
            at = OLD + timedelta(days=day)
            readings += [
                Reading(series, value_of(series, rng), at + timedelta(milliseconds=125 * n))
                for n in (*times, times[3])  # two at one instant
            ]
    await store.ensure_tenant("beach")
    for tenant in TENANTS:
        await stored(store, readings, tenant)
        places = PlaceRepository(store.of(tenant))
        place = await places.add("shed")
        await places.record("d1", place, *_ends(MIDDLE))
        await ReadingRepository(store.of(tenant)).calibrate(
            SERIES[0], gain=2, offset=-3, since=OLD + timedelta(days=2, hours=5)
        )
    return store


async def pack(store: Database) -> None:
    """The old ones of `home` alone."""

    class _One:
        def of(self, tenant: str) -> TenantDatabase:
            return store.of(tenant)

        def nobody(self):
            return store.nobody()

        async def tenants(self) -> list[str]:
            return ["home"]

    await Packing(_One(), 10).run()


async def test_packed_readings_answer_as_those_that_are_not(two: Database):
    await same_answers(two)
    await pack(two)
    assert (await packed_of(two.of("home"))).readings > 1000
    assert (await packed_of(two.of("beach"))).readings == 0
    await same_answers(two)


async def test_what_comes_late_is_removed_or_calibrated_is_the_same_too(two: Database):
    rng = random.Random(seeds.seed())
    await pack(two)
    for turn in range(10):
        what, work = change(rng)
        state = rng.getstate()
        done = []
        for tenant in TENANTS:
            rng.setstate(state)
            done.append(await work(two.of(tenant)))
        if what.startswith("remove"):
            assert done[0] == done[1], what
        if turn % 3 == 1:
            await pack(two)
        if turn in {4, 9}:
            await same_answers(two)
    for tenant in TENANTS:
        removals = RemovalRepository(two.of(tenant))
        request = RemovalRequest(RemovalKind.DEVICE, "d1", None, None, None, "ann")
        await removals.carry_out(await removals.begin(request), request)
    counts = [
        [
            (one.what, one.readings, one.bins_kept)
            for one in await RemovalRepository(two.of(t)).trail(None, 99)
        ]
        for t in TENANTS
    ]
    assert counts[0] == counts[1]
    async with two.of("home").transaction() as conn:
        rows = await conn.execute(
            "SELECT count(*) FROM dormouse.packed_day p WHERE NOT EXISTS "
            "(SELECT FROM dormouse.series s WHERE s.id = p.series_id)"
        )
        assert await rows.fetchall() == [(0,)]
