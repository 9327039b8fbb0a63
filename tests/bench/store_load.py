"""What the store's bench measures on: a Postgres of its own with many readings and devices."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg

from hub.database.database import Database
from hub.database.migrate import migrate
from hub.database.postgres import Postgres
from hub.database.tenancy.declare import TABLES
from tests.bench.report import note

__all__ = ["DAYS", "END", "MINUTE", "SERIES", "TENANTS", "Loaded", "loaded"]

TENANTS = 100
SERIES = 12  # of a tenant: three rooms with four values each
INTERVAL_S = 300
MINUTE = "minute"
END = "2026-11-01T00:00:00Z"

_SERIES = """
WITH device AS (INSERT INTO dormouse.device (key) SELECT 'd' || n FROM generate_series(1, 3) n
                RETURNING id)
INSERT INTO dormouse.series (device_id, service, index, characteristic, kind)
SELECT id, 'TemperatureSensor', n, 'CurrentTemperature', 'float'
FROM device, generate_series(0, 3) n"""

# Rows in the order of time, all series together, as they come in.
_DAY = """
INSERT INTO dormouse.reading (tenant_id, series_id, at, value)
SELECT dormouse.current_tenant(), s.id, t, 20 + 5 * sin(extract(epoch FROM t) / 14000 + s.id)
FROM generate_series(%(end)s::timestamptz - (%(day)s + 1) * interval '1 day',
                     %(end)s::timestamptz - %(day)s * interval '1 day' - interval '1 second',
                     %(interval)s * interval '1 second') t, dormouse.series s
ORDER BY t"""


class Loaded:
    """A running Postgres with the load, its application and its superuser."""

    def __init__(self, postgres: Postgres, database: Database, days: int) -> None:
        self.postgres = postgres
        self.database = database
        self.days = days
        self.tenants = [f"t{n}" for n in range(TENANTS)]

    async def admin(self) -> psycopg.AsyncConnection:
        """Autocommit, past every policy."""
        url = psycopg.conninfo.make_conninfo(self.postgres.admin_url, dbname="dormouse")
        return await psycopg.AsyncConnection.connect(url, autocommit=True)

    async def security(self, on: bool) -> None:
        """Switch row-level security of all tables, for comparison."""
        verb = "ENABLE" if on else "DISABLE"
        async with await self.admin() as admin:
            for table in TABLES:
                await admin.execute(f"ALTER TABLE dormouse.{table} {verb} ROW LEVEL SECURITY")


DAYS = 29  # 100 tenants x 12 series x 288 a day x 29 = 10,022,400 readings


@asynccontextmanager
async def loaded(days: int = DAYS) -> AsyncIterator[Loaded]:
    """Make it all (some minutes for ten million readings), remove it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="dormouse-bench-"))
    folder.chmod(0o711)
    try:
        async with Postgres(folder / "postgres") as postgres:
            await migrate(postgres.owner_url)
            async with Database(postgres.app_url) as store:
                found = Loaded(postgres, store, days)
                await _fill(found)
                yield found
    finally:
        shutil.rmtree(folder)


async def _fill(found: Loaded) -> None:
    started = time.perf_counter()
    for tenant in found.tenants:
        await found.database.ensure_tenant(tenant)
        async with found.database.of(tenant).transaction() as conn:
            await conn.execute(_SERIES)
    async with found.database.nobody() as conn:
        for month in ("2026-09-15Z", "2026-10-15Z", "2026-11-15Z"):
            await conn.execute("SELECT dormouse.ensure_partition(%s)", [month])
    for day in reversed(range(found.days)):
        for tenant in random.Random(day).sample(found.tenants, TENANTS):
            async with found.database.of(tenant).transaction() as conn:
                await conn.execute(_DAY, {"end": END, "day": day, "interval": INTERVAL_S})
    # Besides the ten million, one series that is measured each minute.
    await found.database.ensure_tenant(MINUTE)
    async with found.database.of(MINUTE).transaction() as conn:
        await conn.execute(_SERIES)
        await conn.execute(
            "DELETE FROM dormouse.series WHERE index > 0 OR id <> "
            "(SELECT min(id) FROM dormouse.series)"
        )
    for day in reversed(range(found.days)):
        async with found.database.of(MINUTE).transaction() as conn:
            await conn.execute(_DAY, {"end": END, "day": day, "interval": 60})
    async with await found.admin() as admin:
        await admin.execute("VACUUM ANALYZE")
    note(f"loaded {found.days} days in {time.perf_counter() - started:.0f} s")
