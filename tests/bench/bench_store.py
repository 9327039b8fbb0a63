"""The store: row-level security against none, rollups against readings, history, size.

DORMOUSE_BENCH_DAYS makes a smaller load, to try the bench itself.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from contracts.reading import SeriesKey
from hub.database.bulk import update_rows
from hub.database.database import TenantDatabase
from hub.database.queries import Queries
from hub.ingest.repository import encoded
from hub.models import Activity, DeviceRow, Place
from hub.models.sessions import TenantSessions
from hub.readings.bins.repository import BinRepository
from hub.readings.placed import PlacedRepository
from hub.readings.points import Form, PointRepository, Resolution, Span, StoredSeries
from tests.bench.processor import measured, typical
from tests.bench.report import note, report
from tests.bench.store_load import DAYS, END, MINUTE, SERIES, TENANTS, Loaded, loaded
from tests.bench.store_packed import packed
from tests.bench.store_tools import chains

_STORE = Queries.of("hub.ingest")["store_readings"]
ROUNDS = 40
UTC_ZONE = ZoneInfo("UTC")
DEVICES = 100_000
READS = {
    "series_24h": (
        "SELECT at, value FROM dormouse.reading WHERE series_id = %(series)s {mine}"
        " AND at >= %(end)s::timestamptz - interval '24 hours' AND at < %(end)s ORDER BY at"
    ),
    "hours_30d": (
        "SELECT start, n, total / n, low, high FROM dormouse.hourly WHERE series_id = %(series)s"
        " {mine} AND start >= %(end)s::timestamptz - interval '30 days' AND start < %(end)s"
        " ORDER BY start"
    ),
    "latest": "SELECT series_id, at, value FROM dormouse.latest WHERE true {mine}",
    "tenant_mean_24h": (
        "SELECT avg(value) FROM dormouse.reading WHERE true {mine}"
        " AND at >= %(end)s::timestamptz - interval '24 hours' AND at < %(end)s"
    ),
}
PLACED = "placed"
# 20 devices, read twice an hour for a year; every other one went to the shed and came back.
PLACED_DEVICES = (
    "INSERT INTO dormouse.place (name) VALUES ('House')",
    "INSERT INTO dormouse.place (name, parent_id) SELECT 'Room', id FROM dormouse.place",
    "INSERT INTO dormouse.place (name) VALUES ('Shed')",
    "INSERT INTO dormouse.device (key) SELECT 'p' || n FROM generate_series(1, 20) n",
    (
        "INSERT INTO dormouse.series (device_id, service, index, characteristic, kind)"
        " SELECT id, 'TemperatureSensor', 0, 'CurrentTemperature', 'float' FROM dormouse.device"
    ),
    (
        "INSERT INTO dormouse.placement (device_id, location_id, during)"
        " SELECT d.id, p.id, tstzrange(%(end)s::timestamptz - f * interval '1 day'"
        " - interval '7 min', %(end)s::timestamptz - t * interval '1 day' - interval '7 min')"
        " FROM dormouse.device d, dormouse.place p, (VALUES (400, 200, 'Room'), (200, 120, 'Shed'),"
        " (120, -1, 'Room')) AS s(f, t, name) WHERE p.name = s.name AND d.id %% 2 = 0"
    ),
    (
        "INSERT INTO dormouse.placement (device_id, location_id, during)"
        " SELECT d.id, p.id, '[2020-01-01,)' FROM dormouse.device d, dormouse.place p"
        " WHERE p.name = 'Room' AND d.id %% 2 = 1"
    ),
    (
        "INSERT INTO dormouse.reading (series_id, at, value)"
        " SELECT s.id, t, 20 FROM dormouse.series s, generate_series(%(end)s::timestamptz"
        " - interval '366 days', %(end)s::timestamptz, interval '30 min') t"
    ),
)
HOURS_FROM_RAW = (
    "SELECT date_bin('1 hour', at, '2000-01-01Z'), count(*), avg(value), min(value), max(value)"
    " FROM dormouse.reading WHERE series_id = %(series)s"
    " AND at >= %(end)s::timestamptz - interval '30 days' AND at < %(end)s GROUP BY 1 ORDER BY 1"
)


async def run() -> None:
    """All figures, in one run."""
    async with loaded(int(os.environ.get("DORMOUSE_BENCH_DAYS", str(DAYS)))) as found:
        await size(found)
        await reads(found)
        await rollups(found)
        await places(found)
        await packed(found)
        await ingest(found)
        await history(found)
        await chains(found)


async def size(found: Loaded) -> None:
    """Bytes a reading takes, its index included; and with everything derived from it."""
    async with await found.admin() as admin:
        row = await (
            await admin.execute(
                """SELECT sum(pg_total_relation_size(inhrelid)) / (SELECT count(*)
                   FROM dormouse.reading), (SELECT count(*) FROM dormouse.reading),
                   (SELECT sum(pg_total_relation_size(t)) FROM unnest(ARRAY['dormouse.hourly',
                   'dormouse.daily', 'dormouse.latest']::regclass[]) AS t)
                   / (SELECT count(*) FROM dormouse.reading)
                   FROM pg_inherits WHERE inhparent = 'dormouse.reading'::regclass"""
            )
        ).fetchone()
    report("store.readings", float(row[1]), "rows")
    report("store.bytes_per_reading", float(row[0]), "B", "<= 85")
    report("store.bytes_per_reading_derived", float(row[2]), "B")


async def reads(found: Loaded) -> None:
    """Each read with row-level security and, the tenant in the query, without; taken in turns."""
    times: dict[tuple[str, bool], list[float]] = {}
    for turn in range(12):
        secure = turn % 2 == 0
        await found.security(secure)
        for name, query in READS.items():
            mine = "" if secure else "AND tenant_id = %(tenant)s"
            # The same questions with and without, in the same order; the first ones warm up.
            rng = random.Random(f"{name} {turn // 2}")
            for n in range(ROUNDS):
                tenant = rng.choice(found.tenants)
                number = await found.database.tenant_id(tenant)
                series = (number - 1) * SERIES + rng.randrange(SERIES) + 1
                facts = {"series": series, "tenant": number, "end": END}
                async with found.database.of(tenant).transaction() as conn:
                    started = time.perf_counter()
                    rows = await (await conn.execute(query.format(mine=mine), facts)).fetchall()
                    spent = time.perf_counter() - started
                assert rows, (name, facts)
                if turn > 1 or n > ROUNDS // 2:
                    times.setdefault((name, secure), []).append(spent)
    await found.security(True)
    for name in READS:
        with_, without = (statistics.median(times[name, on]) * 1000 for on in (True, False))
        report(f"store.{name}", with_, "ms")
        report(f"store.{name}_rls_ratio", with_ / without, "x", "<= 1.15")


async def rollups(found: Loaded) -> None:
    """30 days by the hour from rollups and from readings, the same series in turns.

    Of series measured every five minutes, and of one measured every minute.
    """
    rng = random.Random(5)
    five = []
    for _ in range(ROUNDS):
        tenant = rng.choice(found.tenants)
        number = await found.database.tenant_id(tenant)
        five.append((tenant, (number - 1) * SERIES + rng.randrange(SERIES) + 1))
    raw, rollup = await _by_the_hour(found, five)
    report("store.hours_30d_from_readings", raw, "ms")
    report("store.hours_30d_from_rollups", rollup, "ms")
    report("store.hours_30d_rollup_gain", raw / rollup, "x")
    raw, rollup = await _by_the_hour(found, [(MINUTE, TENANTS * SERIES + 1)] * ROUNDS)
    report("store.hours_30d_rollup_gain_minutes", raw / rollup, "x")


async def _by_the_hour(found: Loaded, series: list[tuple[str, int]]) -> tuple[float, float]:
    """Medians (ms) from readings and from rollups."""
    queries = (HOURS_FROM_RAW, READS["hours_30d"].format(mine=""))
    times: tuple[list[float], list[float]] = ([], [])
    for tenant, number in series:
        answers = []
        for query, spent in zip(queries, times, strict=True):
            async with (
                found.database.of(tenant).transaction() as conn,
                conn.cursor(binary=True) as cursor,
            ):
                started = time.perf_counter()
                await cursor.execute(query, {"series": number, "end": END})
                answers.append(await cursor.fetchall())
                spent.append(time.perf_counter() - started)
        assert len(answers[0]) == len(answers[1]) > 0
    return statistics.median(times[0]) * 1000, statistics.median(times[1]) * 1000


async def places(found: Loaded) -> None:
    """A year by the day of a place in which 20 devices were, some of them for a part of it.

    What a page or a program waits for: which devices were there when, and their days as JSON.
    """
    await found.database.ensure_tenant(PLACED)
    home = found.database.of(PLACED)
    async with found.database.nobody() as conn:
        await conn.execute(
            "SELECT dormouse.ensure_partition(%s::timestamptz - n * interval '1 month') "
            "FROM generate_series(0, 13) n",
            [END],
        )
    async with home.transaction() as conn:
        for statement in PLACED_DEVICES:
            await conn.execute(statement, {"end": END})
        row = await (await conn.execute("SELECT min(id) FROM dormouse.place")).fetchone()
    async with await found.admin() as admin:
        await admin.execute("VACUUM ANALYZE")
    assert row is not None
    until = datetime.fromisoformat(END)
    span = Span(until - timedelta(days=365), until)
    placed, bins = PlacedRepository(home), BinRepository(home)

    async def ask() -> int:
        series = await placed.find(row[0], span, "CurrentTemperature")
        assert len(series) == 20
        pieces = bins.pieces(series, span, Resolution.DAILY, Form.JSON, UTC_ZONE)
        return sum([piece.count async for _, piece in pieces])

    bins_of_days = await ask()
    spent, busy = await typical(ask, ROUNDS)
    report("store.place_year_days", float(bins_of_days), "bins")
    report("store.place_year", spent, "ms", "<= 50")
    report("store.place_year_cpu", busy, "ms", "<= 50")
    await days(found, home, span)


async def days(found: Loaded, home: TenantDatabase, span: Span) -> None:
    """A year by the day: of one series in zones, in turns, and of a hundred; as JSON.

    First the days are worked out, which is what the first one who asks waits for.
    """
    points, bins = PointRepository(home), BinRepository(home)
    async with home.transaction() as conn:
        rows = await (await conn.execute("SELECT key FROM dormouse.device ORDER BY id")).fetchall()
    keys = [SeriesKey(row[0], "TemperatureSensor", 0, "CurrentTemperature") for row in rows]
    series = await points.find(keys)

    async def ask(those: Sequence[StoredSeries], zone: ZoneInfo) -> None:
        pieces = bins.pieces(those, span, Resolution.DAILY, Form.JSON, zone)
        assert sum([piece.count async for _, piece in pieces]) >= 365 * len(those)

    zones = {"utc": UTC_ZONE, "half_hour": ZoneInfo("Australia/Adelaide")}
    first = await measured(lambda: ask(series[:1], zones["half_hour"]))
    report("store.days_of_a_year_worked_out", first * 1000, "ms")
    times: dict[str, list[float]] = {name: [] for name in zones}
    for turn in range(ROUNDS):
        one = [series[turn % len(series)]]
        for name, zone in zones.items():
            await ask(one, zone)
            times[name].append(await measured(lambda one=one, zone=zone: ask(one, zone)))
    medians = {name: statistics.median(spent) * 1000 for name, spent in times.items()}
    for name, spent in medians.items():
        report(f"store.year_of_days_{name}", spent, "ms")
    report("store.half_hour_ratio", medians["half_hour"] / medians["utc"], "x", "<= 1.5")
    many = series * (100 // len(series))
    spent, busy = await typical(lambda: ask(many, zones["half_hour"]), ROUNDS)
    report("store.year_of_100_series", spent, "ms", "<= 100")
    report("store.year_of_100_series_cpu", busy, "ms", "<= 100")


async def ingest(found: Loaded) -> None:
    """Rows a second through dormouse.store_readings in batches of 1000, as the hub sends them."""
    rates: dict[tuple[bool, int], list[float]] = {}
    start = datetime.fromisoformat(END)
    for turn in range(8):
        secure, writers = turn % 2 == 0, 1 if turn < 4 else 2
        await found.security(secure)
        tenants = [found.tenants[turn * 2 + n] for n in range(writers)]
        started = time.perf_counter()
        rows = await asyncio.gather(*(_write(found, tenant, start, 60) for tenant in tenants))
        rates.setdefault((secure, writers), []).append(sum(rows) / (time.perf_counter() - started))
    await found.security(True)
    median = {case: statistics.median(values) for case, values in rates.items()}
    report("store.ingest_rows_one_connection", median[True, 1], "rows/s")
    report("store.ingest_rows", median[True, 2], "rows/s", ">= 100000")
    ratio = statistics.mean(median[True, n] / median[False, n] for n in (1, 2))
    report("store.ingest_rls_ratio", ratio, "x", ">= 0.8")


async def _write(found: Loaded, tenant: str, start: datetime, batches: int) -> int:
    number = await found.database.tenant_id(tenant)
    for n in range(batches):
        arrays = encoded(*_batch(number, start + timedelta(seconds=n)))
        async with found.database.of(tenant).transaction(pipelined=True) as conn:
            row = await (await conn.execute(_STORE, arrays)).fetchone()
        assert row == (1000, 0, 0, 0, 0), row
    return batches * 1000


def _batch(tenant: int, start: datetime) -> list[Sequence[object]]:
    """A thousand readings of a tenant's 12 series, as they come in."""
    series = [(tenant - 1) * 12 + n % 12 + 1 for n in range(1000)]
    return [
        series,
        [(s - 1) // 4 + 1 for s in series],
        [start + timedelta(minutes=5 * (n // 12)) for n in range(1000)],
        [20.0 + n % 7 for n in range(1000)],
        [None] * 1000,
        [None] * 1000,
        [None] * 1000,
        [None] * 1000,
    ]


async def history(found: Loaded) -> None:
    """A bulk change of place with full history against ORM ticks; as_of over a million rows."""
    tenant = found.tenants[-1]
    async with found.database.of(tenant).transaction() as conn:
        await conn.execute(
            "INSERT INTO dormouse.device (key, name) "
            "SELECT 'h' || n, 'name ' || n FROM generate_series(1, %s) n",
            [DEVICES],
        )
        rows = await conn.execute(
            "INSERT INTO dormouse.place (name) SELECT 'p' || n FROM generate_series(1, 4) n "
            "RETURNING id"
        )
        places = [row[0] for row in await rows.fetchall()]
    async with await found.admin() as admin:
        await admin.execute("VACUUM ANALYZE")

    async def bulk(place: int) -> None:
        async with found.database.of(tenant).transaction() as conn:
            await conn.execute(
                "UPDATE dormouse.device SET location_id = %s WHERE key LIKE 'h%%'", [place]
            )

    spent = [await measured(lambda place=place: bulk(place)) for place in places]
    report("store.bulk_place", statistics.median(spent), "s")
    note(f"bulk changes took {[round(s, 1) for s in spent]} s")
    one = await _orm_ticks(found, tenant, places)
    report("store.orm_tick", one * 1000, "ms")
    report("store.bulk_gain", one * DEVICES / statistics.median(spent), "x", ">= 50")
    each = [await measured(lambda n=n: _rename(found, tenant, n)) for n in range(3)]
    report("store.bulk_rows", statistics.median(each), "s", "<= 10")
    report("store.bulk_rows_gain", one * DEVICES / statistics.median(each), "x", ">= 75")
    await _as_of(found, tenant)


async def _rename(found: Loaded, tenant: str, number: int) -> None:
    """A name of its own for each device, by the public function."""
    async with found.database.of(tenant).transaction() as conn:
        cursor = await conn.execute("SELECT id FROM dormouse.device WHERE key LIKE 'h%'")
        rows = [{"id": row[0], "name": f"{number} {row[0]}"} for row in await cursor.fetchall()]
        changed = await update_rows(conn, "dormouse.device", rows)
    assert len(changed) == DEVICES


async def _orm_ticks(found: Loaded, tenant: str, places: list[int]) -> float:
    """Seconds a tick through the ORM takes, each in a transaction of its own."""
    spent = []
    async with TenantSessions(found.database) as sessions:
        for n in range(1, 301):
            started = time.perf_counter()
            async with sessions.tenant(tenant) as session:
                query = select(DeviceRow).where(DeviceRow.key == f"h{n}")
                device = (await session.scalars(query)).one()
                place = await session.scalars(select(Place).where(Place.id == places[n % 3]))
                async with device.clock_tick(Activity("bench", "move")):
                    device.location = place.one()
            spent.append(time.perf_counter() - started)
    return statistics.median(spent)


async def _as_of(found: Loaded, tenant: str) -> None:
    async with await found.admin() as admin:
        await admin.execute("VACUUM ANALYZE")
        row = await (
            await admin.execute(
                "SELECT (SELECT count(*) FROM dormouse.device_location_id_history)"
                " + (SELECT count(*) FROM dormouse.device_name_history)"
                " + (SELECT count(*) FROM dormouse.device_owner_history)"
                " + (SELECT count(*) FROM dormouse.device_interval_s_history)"
                " + (SELECT count(*) FROM dormouse.device_firmware_history)"
                " + (SELECT count(*) FROM dormouse.device_calibration_history)"
            )
        ).fetchone()
        span = await (await admin.execute("SELECT min(at), max(at) FROM dormouse.tick")).fetchone()
        first = await (
            await admin.execute("SELECT min(id) FROM dormouse.device WHERE key LIKE 'h%'")
        ).fetchone()
    report("store.history_rows", float(row[0]), "rows", ">= 1000000")
    rng = random.Random(9)
    spent = []
    async with TenantSessions(found.database) as sessions, sessions.tenant(tenant) as session:
        for _ in range(200):
            instant = span[0] + (span[1] - span[0]) * rng.uniform(0.5, 1)
            number = first[0] + rng.randrange(DEVICES)
            started = time.perf_counter()
            found_then = (await session.scalars(DeviceRow.as_of(instant, number))).all()
            spent.append(time.perf_counter() - started)
            assert len(found_then) <= 1
    report("store.as_of_p50", statistics.median(spent) * 1000, "ms", "<= 5")


if __name__ == "__main__":
    asyncio.run(run())
