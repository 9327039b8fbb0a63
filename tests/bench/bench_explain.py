"""How long it takes to say what is wrong with a hundred devices, and with one of them."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from contracts.show import Clock
from hub.database.database import Database
from hub.database.migrate import migrate
from hub.database.postgres import Postgres
from hub.explain.explanation import explain
from hub.explain.facts import DAYS
from hub.explain.repository import gather
from tests.bench.report import report

DEVICES, SERIES, ROUNDS = 100, 4, 30

_FILL = (
    "INSERT INTO dormouse.device (key) SELECT 'esp_' || n FROM generate_series(1, %(devices)s) n",
    """INSERT INTO dormouse.series (device_id, service, index, characteristic, kind)
       SELECT id, 'BatteryService', n, CASE n WHEN 1 THEN 'BatteryLevel' ELSE 'X' || n END, 'float'
       FROM dormouse.device, generate_series(1, %(series)s) n""",
    """INSERT INTO dormouse.reading (tenant_id, series_id, at, value)
       SELECT dormouse.current_tenant(), s.id, %(now)s - n * interval '1 hour', 90 - n / 24
       FROM dormouse.series s, generate_series(1, %(days)s * 24) n""",
    """INSERT INTO dormouse.device_state (device_id, tenant_id, seen_at, report_at, next_wake_at,
           report)
       SELECT id, tenant_id, %(now)s, %(now)s, %(now)s + interval '5 min',
              '{"battery_mv": 2900, "rssi": -61, "firmware": "1.0.0", "config": 1}'
       FROM dormouse.device""",
    """INSERT INTO dormouse.report_daily (tenant_id, device_id, day, reports, battery_first,
           battery_last, rssi_total, rssi_count, awake_total, awake_count, watchdogs, powers)
       -- Half of them have no voltage to report.
       SELECT tenant_id, id, %(now)s::date - n, 288, CASE id %% 2 WHEN 0 THEN 3000 - n END,
              CASE id %% 2 WHEN 0 THEN 2999 - n END, -17000, 288, 120000, 288,
              0, 0
       FROM dormouse.device, generate_series(0, %(days)s - 1) n""",
    """INSERT INTO dormouse.device_config (tenant_id, device_id, version, settings, who, why)
       SELECT tenant_id, id, n, '{"interval": 300}', 'bench', ''
       FROM dormouse.device, generate_series(1, 3) n""",
    """INSERT INTO dormouse.delivery (tenant_id, device_id, boot, seqs)
       SELECT tenant_id, id, 'boot' || n, '{[1,1000)}' FROM dormouse.device,
       generate_series(1, 3) n""",
)


async def run() -> None:
    """Medians, facts and sentences together."""
    folder = Path(tempfile.mkdtemp(prefix="dormouse-bench-"))
    folder.chmod(0o711)
    try:
        async with Postgres(folder / "postgres") as postgres:
            await migrate(postgres.owner_url)
            async with Database(postgres.app_url) as store:
                await _measure(store)
    finally:
        shutil.rmtree(folder)


async def _measure(store: Database) -> None:
    now = datetime.now(UTC) - timedelta(minutes=1)
    await store.ensure_tenant("home")
    async with store.nobody() as conn:
        for months in range(2):
            at = now - timedelta(days=28 * months)
            await conn.execute("SELECT dormouse.ensure_partition(%s)", [at])
    facts = {"devices": DEVICES, "series": SERIES, "days": DAYS, "now": now}
    async with store.of("home").transaction() as conn:
        for statement in _FILL:
            await conn.execute(statement, facts)
    for name, devices in (("problems_100_devices", None), ("one_device", ["esp_50"])):
        spent = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            found = await gather(store.of("home"), now, devices)
            said = [explain(one, Clock(now)) for one in found]
            spent.append((time.perf_counter() - began) * 1000)
            assert len(said) == (len(devices) if devices else DEVICES)
        report(f"explain.{name}", statistics.median(spent), "ms", None if devices else "<= 200")


if __name__ == "__main__":
    asyncio.run(run())
