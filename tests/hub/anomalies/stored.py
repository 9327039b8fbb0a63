"""Series with a past, put into a database as if they had been heard."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from contracts.reading import SeriesKey
from hub.anomalies.profile import Measurement
from hub.database.database import Database


async def store_series(
    store: Database, tenant: str, key: SeriesKey, samples: Sequence[Measurement]
) -> None:
    """Put readings into the database whose last one was just now."""
    await store.ensure_tenant(tenant)
    end = datetime.now(UTC) - timedelta(seconds=5)
    at = [end - timedelta(seconds=samples[-1][0] - t) for t, _ in samples]
    async with store.nobody() as conn:
        for months in range(3):
            await conn.execute(
                "SELECT dormouse.ensure_partition(%s)", [end - timedelta(30 * months)]
            )
    async with store.of(tenant).transaction() as conn:
        made = await conn.execute(
            """WITH d AS (INSERT INTO dormouse.device (tenant_id, key)
                          VALUES (dormouse.current_tenant(), %s) RETURNING tenant_id, id)
               INSERT INTO dormouse.series
                   (tenant_id, device_id, service, index, characteristic, kind)
               SELECT tenant_id, id, %s, %s, %s, 'float' FROM d RETURNING id""",
            [key.device, key.service, key.index, key.characteristic],
        )
        row = await made.fetchone()
        await conn.execute(
            """INSERT INTO dormouse.reading (tenant_id, series_id, at, value)
               SELECT dormouse.current_tenant(), %s, *
               FROM unnest(%s::timestamptz[], %s::float8[])""",
            [row[0], at, [value for _, value in samples]],
        )
