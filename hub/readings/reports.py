"""What a device's reports were like, day by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from psycopg.rows import class_row

from hub.database.database import TenantDatabase
from hub.database.queries import Queries

__all__ = ["ReportDay", "report_days"]

_QUERIES = Queries.of("hub.readings")


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


async def report_days(database: TenantDatabase, device: str, most: int = 400) -> list[ReportDay]:
    """The last days on which a device reported, in order."""
    async with (
        database.transaction() as conn,
        conn.cursor(row_factory=class_row(ReportDay)) as cursor,
    ):
        await cursor.execute(_QUERIES["days_of_reports"], [device, most])
        return (await cursor.fetchall())[::-1]
