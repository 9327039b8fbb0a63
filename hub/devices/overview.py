"""Devices with their last values: what `dormouse status` shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from contracts.reading import SeriesKey, Value
from hub.database.database import Connection, TenantDatabase
from hub.database.queries import Queries

__all__ = [
    "DeviceOverview",
    "LastValue",
    "latest_values",
    "overview",
    "restore",
    "restore_calibrated",
]

_QUERIES = Queries.of("hub.devices")


@dataclass(frozen=True, slots=True)
class LastValue:
    """The newest value of a series and when it was measured (UTC).

    `value` is calibrated by what held then, `raw` as measured.
    """

    series: SeriesKey
    value: Value
    at: datetime
    raw: Value


@dataclass(frozen=True, slots=True)
class DeviceOverview:
    """A device with what it last said.

    `seen_at` is the newest of its readings and reports; `next_wake_at` when it said it would wake
    (None: awake, or never said); `battery_mv` from its report, None where it is not known.
    """

    device: str
    seen_at: datetime | None
    next_wake_at: datetime | None
    report: dict[str, Any] | None
    report_at: datetime | None
    attributes: dict[str, Any]
    values: list[LastValue] = field(default_factory=list)

    @property
    def battery_mv(self) -> int | None:
        """Millivolts, as last reported."""
        millivolts = (self.report or {}).get("battery_mv")
        return millivolts if isinstance(millivolts, int) else None


async def overview(
    database: TenantDatabase, devices: list[str] | None = None
) -> list[DeviceOverview]:
    """The tenant's devices (these, or all) with their last values, by name."""
    async with database.transaction() as conn:
        values: dict[str, list[LastValue]] = {}
        for value in await latest_values(conn, devices):
            values.setdefault(value.series.device, []).append(value)
        async with conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_QUERIES["overview_of_devices"], {"keys": devices})
            rows = await cursor.fetchall()
    return [DeviceOverview(**row, values=values.get(row["device"], [])) for row in rows]


async def latest_values(conn: Connection, devices: list[str] | None = None) -> list[LastValue]:
    """The newest value of every series of the transaction's tenant."""
    rows = await (await conn.execute(_QUERIES["latest_values"], {"keys": devices})).fetchall()
    return [
        LastValue(
            SeriesKey(device, service, index, name),
            restore_calibrated(kind, raw, value, text),
            at,
            restore(kind, raw, text),
        )
        for device, service, index, name, kind, raw, value, text, at in rows
    ]


def restore(kind: str, value: float | None, text: str | None) -> Value:
    """A kept value in the kind of its series: bool, int, float or string."""
    if value is None:
        return text or ""
    if kind == "bool":
        return value != 0
    return int(value) if kind == "int" else value


def restore_calibrated(
    kind: str, raw: float | None, value: float | None, text: str | None
) -> Value:
    """A calibrated value in the kind of its series; a whole number may have become another."""
    return restore("float" if kind == "int" and value != raw else kind, value, text)
