"""All of a tenant at a glance: places, devices in them, last values as people want them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from contracts.reading import SeriesKey, Value
from hub.database.database import Connection, TenantDatabase
from hub.database.queries import Queries
from hub.devices.overview import restore

__all__ = ["DeviceGlance", "Glance", "PlaceGlance", "SeriesGlance", "glance"]

_QUERIES = Queries.of("hub.devices")


@dataclass(frozen=True, slots=True)
class SeriesGlance:
    """A series' newest value, calibrated by what holds now: gain * raw + offset."""

    series: SeriesKey
    raw: Value
    at: datetime
    gain: float = 1.0
    offset: float = 0.0

    @property
    def value(self) -> Value:
        """The calibrated value."""
        return self.calibrated(self.raw)

    def calibrated(self, raw: Value) -> Value:
        """Another raw value of this series, calibrated."""
        if isinstance(raw, bool | str) or (self.gain, self.offset) == (1.0, 0.0):
            return raw
        return raw * self.gain + self.offset


@dataclass(frozen=True, slots=True)
class DeviceGlance:
    """A device with its newest values.

    `seen_at` is the newest of readings and reports; `next_wake_at` when it said it would wake
    (None: it stays awake, or never said); `interval` what its last report announced, in seconds.
    """

    device: str
    name: str | None
    place: int | None
    seen_at: datetime | None
    next_wake_at: datetime | None
    report: dict[str, Any] = field(default_factory=dict)
    values: list[SeriesGlance] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PlaceGlance:
    """A place; `parent` is None for a root."""

    place: int
    parent: int | None
    name: str


@dataclass(frozen=True, slots=True)
class Glance:
    """A tenant as of now: places by name, devices by key."""

    places: list[PlaceGlance]
    devices: list[DeviceGlance]


async def glance(database: TenantDatabase, device: str | None = None) -> Glance:
    """The tenant's places, and its devices (or the one) with their newest values."""
    facts = {"device": device}
    async with database.transaction() as conn:
        places = [
            PlaceGlance(*row)
            for row in await (await conn.execute(_QUERIES["places_at_a_glance"])).fetchall()
        ]
        values = await _values(conn, facts)
        async with conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_QUERIES["devices_at_a_glance"], facts)
            rows = await cursor.fetchall()
    devices = [DeviceGlance(**row, values=values.get(row["device"], [])) for row in rows]
    return Glance(places, devices)


async def _values(conn: Connection, facts: dict[str, str | None]) -> dict[str, list[SeriesGlance]]:
    by_device: dict[str, list[SeriesGlance]] = {}
    for row in await (await conn.execute(_QUERIES["values_at_a_glance"], facts)).fetchall():
        device, service, index, name, kind, value, text, at, gain, offset = row
        key = SeriesKey(device, service, index, name)
        shown = SeriesGlance(key, restore(kind, value, text), at, gain, offset)
        by_device.setdefault(device, []).append(shown)
    return by_device
