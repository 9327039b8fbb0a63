from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from contracts.reading import Identity, Reading
from hub.database.database import Database
from hub.database.errors import ForeignRowError, RefusedValueError, RetentionError
from hub.readings.repository import Bin, Bins, ReadingRepository
from hub.readings.retention import RetentionRule, remove_expired, set_retention
from tests.hub.ingest.test_ingest import NOW, key, stored
from tests.support import seeds

FROM, TO = NOW - timedelta(days=4000), NOW + timedelta(days=1)


async def test_readings_are_delivered_calibrated_as_of_their_own_time(store: Database):
    await stored(store, [Reading(key(), float(n), NOW - timedelta(hours=n)) for n in range(4)])
    readings = ReadingRepository(store.of("home"))
    await readings.calibrate(key(), gain=2, offset=1)
    await readings.calibrate(key(), offset=100, since=NOW - timedelta(hours=1, minutes=30))
    await readings.calibrate(
        key(), offset=-1, since=NOW - timedelta(minutes=90), until=NOW - timedelta(minutes=30)
    )
    samples = await readings.samples(key(), FROM, TO)
    assert [(s.raw, s.value) for s in samples] == [(3, 7), (2, 5), (1, 0), (0, 100)]


async def test_a_calibration_that_makes_no_sense_is_refused(store: Database):
    await stored(store, [Reading(key(), 1.0, NOW)])
    readings = ReadingRepository(store.of("home"))
    for bad in ({"gain": 0.0}, {"gain": float("nan")}, {"offset": float("inf")}):
        with pytest.raises(RefusedValueError):
            await readings.calibrate(key(), **bad)
    with pytest.raises(RefusedValueError):
        await readings.calibrate(key(), since=NOW, until=NOW - timedelta(days=1))
    with pytest.raises(ForeignRowError, match="no series HomeKit/d9/"):
        await readings.calibrate(key("d9"))


def rolled(samples: list[tuple[datetime, float]], width: timedelta) -> list[Bin]:
    """The reference: bins recomputed from calibrated samples."""
    bins = defaultdict(list)
    for at, value in samples:
        bins[at - (at - datetime(2000, 1, 1, tzinfo=UTC)) % width].append((at, value))
    return [
        Bin(
            start,
            len(found),
            pytest.approx(sum(v for _, v in found)),
            pytest.approx(min(v for _, v in found)),
            pytest.approx(max(v for _, v in found)),
            pytest.approx(max(found)[1]),
        )
        for start, found in sorted(bins.items())
    ]


async def test_rollups_equal_recomputation(store: Database):
    seed = seeds.seed()
    rng = random.Random(seed)
    readings = ReadingRepository(store.of("home"))
    sent: list[Reading] = []

    def moment() -> datetime:
        return NOW - timedelta(seconds=rng.randrange(3 * 86400))

    for round_ in range(8):
        batch = [
            Reading(key(), rng.uniform(-50, 50), moment(), Identity("b", len(sent) + n + 1))
            for n in range(rng.randint(1, 40))
        ]
        again = rng.sample(sent, min(len(sent), rng.randrange(10)))
        sent += batch
        mixed = batch + again
        rng.shuffle(mixed)
        await stored(store, mixed)
        if round_ % 2:
            since = rng.choice([None, moment()])
            until = rng.choice([None, (since or NOW) + timedelta(hours=rng.uniform(1, 30))])
            await readings.calibrate(
                key(), gain=rng.choice([-1, 0.5, 1, 2]), offset=rng.uniform(-5, 5),
                since=since, until=until,
            )  # fmt: skip
        if round_ == 6:
            async with store.of("home").transaction() as conn:
                await conn.execute(
                    "DELETE FROM dormouse.calibration WHERE id = "
                    "(SELECT id FROM dormouse.calibration ORDER BY random() LIMIT 1)"
                )
    samples = [(s.at, s.value) for s in await readings.samples(key(), FROM, TO)]
    assert len(samples) == len(sent)
    for bins, width in ((Bins.HOUR, timedelta(hours=1)), (Bins.DAY, timedelta(days=1))):
        assert await readings.bins(key(), FROM, TO, bins) == rolled(samples, width)


async def test_text_and_booleans_have_no_wrong_rollups(store: Database):
    await stored(store, [
        Reading(key(characteristic="Name"), "x", NOW),
        Reading(key(characteristic="On"), True, NOW),
        Reading(key(characteristic="On"), False, NOW - timedelta(seconds=1)),
    ])  # fmt: skip
    readings = ReadingRepository(store.of("home"))
    assert await readings.bins(key(characteristic="Name"), FROM, TO) == []
    found = await readings.bins(key(characteristic="On"), FROM, TO, Bins.DAY)
    assert (sum(b.n for b in found), sum(b.total for b in found), found[-1].last) == (2, 1, 1)
    samples = await readings.samples(key(characteristic="On"), FROM, TO)
    assert [s.value for s in samples] == [False, True]


async def counts(store: Database, tenant: str = "home") -> tuple[int, int, int]:
    async with store.of(tenant).transaction() as conn:
        return await (
            await conn.execute(
                "SELECT (SELECT count(*) FROM dormouse.reading), "
                "(SELECT count(*) FROM dormouse.hourly), (SELECT count(*) FROM dormouse.daily)"
            )
        ).fetchone()


async def test_retention_by_series_kind_and_tenant(store: Database):
    other = key(characteristic="CurrentRelativeHumidity")
    d2 = key("d2")
    await stored(store, [
        Reading(series, float(n), NOW - timedelta(days=days))
        for series in (key(), other, d2) for n, days in enumerate((1, 10, 40, 400))
    ])  # fmt: skip
    await set_retention(store.of("home"), RetentionRule(30, 365, None))
    await set_retention(store.of("home"), RetentionRule(5, 5, 5), "CurrentRelativeHumidity")
    await set_retention(store.of("home"), RetentionRule(), d2)
    before = await counts(store)
    partitions, planned = await remove_expired(store, dry=True)
    assert await counts(store) == before == (12, 12, 12)
    assert partitions == []  # d2 is kept for ever
    assert {(e.what, e.series, e.rows) for e in planned} == {
        ("reading", key(), 2), ("hourly", key(), 1),
        ("reading", other, 3), ("hourly", other, 3), ("daily", other, 3),
    }  # fmt: skip
    partitions, done = await remove_expired(store, dry=False)
    assert done == planned
    assert await counts(store) == (12 - 5, 12 - 4, 12 - 3)
    assert await remove_expired(store, dry=False) == ([], [])


async def test_months_that_nobody_keeps_are_dropped_as_a_whole(store: Database):
    await store.ensure_tenant("school")
    for tenant in ("home", "school"):
        await stored(
            store, [Reading(key(), 1.0, NOW - timedelta(days=d)) for d in (1, 100, 500)], tenant
        )
    await set_retention(store.of("home"), RetentionRule(30, None, None))
    assert await remove_expired(store, dry=True) != ([], [])
    assert (await remove_expired(store, dry=True))[0] == []  # the school keeps for ever
    await set_retention(store.of("school"), RetentionRule(200, None, None))
    planned, _ = await remove_expired(store, dry=True)
    assert len(planned) == 1
    dropped, rows = await remove_expired(store, dry=False)
    assert [p.name for p in dropped] == [p.name for p in planned]
    assert [(e.tenant, e.what, e.rows) for e in rows] == [("home", "reading", 1)]
    assert (await counts(store), await counts(store, "school")) == ((1, 3, 3), (2, 3, 3))
    # A late reading of such a month has its place again.
    await stored(store, [Reading(key(), 1.0, NOW - timedelta(days=500))])
    assert (await counts(store))[0] == 2


async def test_a_calibration_reaches_rollups_of_expired_readings(store: Database):
    old = NOW.replace(hour=12, minute=0) - timedelta(days=40)
    await stored(store, [Reading(key(), 1.0, old), Reading(key(), 1.0, old)])
    await stored(store, [Reading(key(), 1.0, NOW)])
    await set_retention(store.of("home"), RetentionRule(30, None, None))
    await remove_expired(store, dry=False)
    await stored(store, [Reading(key(), 5.0, old)])  # late, into a bin that is expired in part
    readings = ReadingRepository(store.of("home"))
    await readings.calibrate(key(), gain=10)
    first, last = await readings.bins(key(), FROM, TO, Bins.DAY)
    assert (first.n, first.total, first.low, first.high) == (3, 70.0, 10.0, 50.0)
    assert (last.n, last.total) == (1, 10.0)


async def test_rules_that_make_no_sense_are_refused(store: Database):
    for rule in (
        RetentionRule(0),
        RetentionRule(30, 10),
        RetentionRule(None, 10),
        RetentionRule(1, 5, 4),
    ):
        with pytest.raises(RetentionError):
            await set_retention(store.of("home"), rule)


async def test_keep_for_deletes_expired_rows_but_not_the_one_written(database):
    async with await psycopg.AsyncConnection.connect(database.owner_url, autocommit=True) as conn:
        await conn.execute("CREATE TABLE dormouse.note (n int, created_at timestamptz)")
        await conn.execute(
            "CREATE TRIGGER k BEFORE INSERT OR UPDATE ON dormouse.note FOR EACH ROW "
            "EXECUTE FUNCTION dormouse.keep_for('1 day')"
        )

        async def notes() -> list[int]:
            rows = await (await conn.execute("SELECT n FROM dormouse.note ORDER BY n")).fetchall()
            return [row[0] for row in rows]

        await conn.execute("INSERT INTO dormouse.note VALUES (1, now() - interval '2 days')")
        assert await notes() == [1]
        await conn.execute("INSERT INTO dormouse.note VALUES (2, now() - interval '3 days')")
        assert await notes() == [2]
        await conn.execute("INSERT INTO dormouse.note VALUES (3, now())")
        assert await notes() == [3]
        await conn.execute("UPDATE dormouse.note SET created_at = now() - interval '9 days'")
        await conn.execute("UPDATE dormouse.note SET n = 4")
        assert await notes() == [4]


async def test_keep_for_installed_wrongly_says_so(database):
    async with await psycopg.AsyncConnection.connect(database.owner_url, autocommit=True) as conn:
        await conn.execute("CREATE TABLE dormouse.note (n int, created_at timestamptz)")
        call = "EXECUTE FUNCTION dormouse.keep_for"
        for trigger, message in [
            (f"AFTER INSERT ON dormouse.note FOR EACH ROW {call}('1 day')", "must be BEFORE"),
            (
                f"BEFORE INSERT ON dormouse.note FOR EACH STATEMENT {call}('1 day')",
                "must be BEFORE",
            ),
            (f"BEFORE INSERT ON dormouse.note FOR EACH ROW {call}()", "needs an interval"),
            (f"BEFORE INSERT ON dormouse.note FOR EACH ROW {call}('soon')", "needs an interval"),
        ]:
            await conn.execute(f"CREATE TRIGGER k {trigger}".encode())
            with pytest.raises(psycopg.Error, match=message):
                await conn.execute("INSERT INTO dormouse.note VALUES (1, now())")
            await conn.execute("DROP TRIGGER k ON dormouse.note")
