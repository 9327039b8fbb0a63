"""What a device's reports were like, day by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from psycopg.rows import class_row

from hub.database.database import Store

__all__ = ["ReportDay", "report_days"]


@dataclass(frozen=True, slots=True)
class ReportDay:
    """The reports of a day (UTC). mV, dBm, ms and bytes; None where nothing was said of it."""

    day: date
    reports: int
    battery_low: int | None
    battery_last: int | None
    rssi: float | None
    awake: float | None
    awake_high: int | None
    heap_low: int | None
    watchdogs: int
    powers: int


_DAYS = """
SELECT r.day, r.reports, r.battery_low, r.battery_last,
       r.rssi_total::float8 / nullif(r.rssi_count, 0) AS rssi,
       r.awake_total::float8 / nullif(r.awake_count, 0) AS awake,
       r.awake_high, r.heap_low, r.watchdogs, r.powers
FROM dormouse.report_daily r
JOIN dormouse.device d ON d.tenant_id = r.tenant_id AND d.id = r.device_id
WHERE d.key = %s ORDER BY r.day DESC LIMIT %s"""


async def report_days(store: Store, tenant: str, device: str, most: int = 400) -> list[ReportDay]:
    """The last days on which a device reported, in order."""
    async with (
        store.tenant(tenant) as conn,
        conn.cursor(row_factory=class_row(ReportDay)) as cursor,
    ):
        await cursor.execute(_DAYS, [device, most])
        return (await cursor.fetchall())[::-1]
