"""Packed readings against those that are not: size, a year by the day, a month of readings."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from contracts.reading import SeriesKey
from hub.readings.bins.repository import BinRepository
from hub.readings.points import Form, PointRepository, Resolution, Span
from hub.upkeep.packing import Packing
from tests.bench.report import report
from tests.bench.store_load import END, Loaded

__all__ = ["packed"]

_ROUNDS = 12
_HOME_SERIES, _HOME_DAYS = 60, 10
_KEY = SeriesKey("d1", "TemperatureSensor", 1, "CurrentTemperature")

_SERIES = """
WITH device AS (INSERT INTO dormouse.device (key) VALUES ('d1') RETURNING id)
INSERT INTO dormouse.series (device_id, service, index, characteristic, kind)
SELECT id, 'TemperatureSensor', n, 'CurrentTemperature', 'float'
FROM device, generate_series(1, %(series)s) n"""

# Hundredths, dated to the microsecond, as a broker's messages are.
_READINGS = """
INSERT INTO dormouse.reading (series_id, at, value)
SELECT s.id, t + random() * 3 * interval '1 second',
       round((20 + 5 * sin(extract(epoch FROM t) / 14000 + s.id) + random() / 3)::numeric, 2)
FROM generate_series(%(end)s::timestamptz - %(days)s * interval '1 day',
                     %(end)s::timestamptz - interval '5 minutes', interval '5 minutes') t,
     dormouse.series s
ORDER BY t"""


async def packed(found: Loaded) -> None:
    """Ten days of a home's sixty series for the size; a year of one series for the reads."""
    await _fill(found, "house", _HOME_SERIES, _HOME_DAYS)
    await _fill(found, "unpacked", 1, 366)
    await _pack(found, "house")
    async with await found.admin() as admin:
        await admin.execute("VACUUM (FULL, ANALYZE) dormouse.packed_day")
        row = await (
            await admin.execute(
                "SELECT pg_total_relation_size('dormouse.packed_day'), sum(n) "
                "FROM dormouse.packed_day"
            )
        ).fetchone()
    each = float(row[0]) / float(row[1])
    report("store.packed_bytes_per_reading", each, "B", "<= 10")
    report("store.packed_year_of_60_series", each * 60 * 288 * 365 / 1e6, "MB", "<= 70")
    await _fill(found, "packed", 1, 366)
    await _pack(found, "packed")
    async with await found.admin() as admin:
        await admin.execute("VACUUM ANALYZE")
    for name, ask in (("year_of_days", _year), ("month_of_readings", _month)):
        times: dict[str, list[float]] = {"unpacked": [], "packed": []}
        for turn in range(_ROUNDS):
            for tenant, spent in times.items():
                once = await ask(found, tenant)
                if turn:
                    spent.append(once)
        plain, quick = (statistics.median(spent) * 1000 for spent in times.values())
        report(f"store.{name}_unpacked", plain, "ms")
        report(f"store.{name}_packed", quick, "ms")
        report(f"store.{name}_packed_ratio", quick / plain, "x", "<= 1.5")


async def _fill(found: Loaded, tenant: str, series: int, days: int) -> None:
    await found.database.ensure_tenant(tenant)
    facts = {"series": series, "days": days, "end": END}
    async with found.database.nobody() as conn:
        await conn.execute(
            "SELECT dormouse.ensure_partition(%(end)s::timestamptz - n * interval '1 month') "
            "FROM generate_series(0, 13) n",
            facts,
        )
    async with found.database.of(tenant).transaction() as conn:
        await conn.execute("SELECT setseed(0.5)")
        await conn.execute(_SERIES, facts)
        await conn.execute(_READINGS, facts)


async def _pack(found: Loaded, tenant: str) -> None:
    # The load ends at an instant of its own, so of the hub's rule the days alone are taken.
    days = (datetime.now().astimezone() - datetime.fromisoformat(END)).days
    started = time.perf_counter()
    run = await Packing(_One(found, tenant), max(1, days), most_s=3600).run()
    readings = sum(run.readings.values()) if run else 0
    assert readings
    spent = time.perf_counter() - started
    report(f"store.packing_{tenant}", readings / spent, "readings/s")


class _One:
    """A database of one tenant among all."""

    def __init__(self, found: Loaded, tenant: str) -> None:
        self.of, self.nobody = found.database.of, found.database.nobody
        self._tenant = tenant

    async def tenants(self) -> list[str]:
        return [self._tenant]


async def _year(found: Loaded, tenant: str) -> float:
    """Seconds that a year's days take to be worked out anew."""
    home = found.database.of(tenant)
    until = datetime.fromisoformat(END)
    span = Span(until - timedelta(days=365), until)
    series = await PointRepository(home).find([_KEY])
    async with home.transaction() as conn:
        await conn.execute("DELETE FROM dormouse.day_bin")

    async def ask() -> None:
        pieces = BinRepository(home).pieces(
            series, span, Resolution.DAILY, Form.JSON, ZoneInfo("Australia/Adelaide")
        )
        assert sum([piece.count async for _, piece in pieces]) >= 365

    return await _measured(ask)


async def _month(found: Loaded, tenant: str) -> float:
    home = found.database.of(tenant)
    until = datetime.fromisoformat(END)
    [series] = await PointRepository(home).find([_KEY])

    async def ask() -> None:
        span = Span(until - timedelta(days=90), until - timedelta(days=60))
        pieces = PointRepository(home).pieces(series, span, Form.JSON)
        assert sum([piece.count async for piece in pieces]) == 30 * 288

    return await _measured(ask)


async def _measured(work: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started
