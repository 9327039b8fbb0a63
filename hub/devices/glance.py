"""All of a tenant at a glance: places, devices in them, last values as people want them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from contracts.reading import SeriesKey, Value
from hub.database.database import Connection, Store
from hub.devices.overview import restore

__all__ = ["DeviceGlance", "Glance", "PlaceGlance", "SeriesGlance", "glance"]


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


_PLACES = "SELECT id, parent_id, name FROM dormouse.place ORDER BY name, id"

_DEVICES = """
SELECT d.key AS device, d.name, d.location_id AS place,
       greatest(s.seen_at, l.at) AS seen_at, s.next_wake_at, coalesce(s.report, '{}') AS report
FROM dormouse.device d
LEFT JOIN dormouse.device_state s ON s.tenant_id = d.tenant_id AND s.device_id = d.id
LEFT JOIN (
    SELECT r.device_id, max(n.at) AS at FROM dormouse.latest n
    JOIN dormouse.series r ON r.tenant_id = n.tenant_id AND r.id = n.series_id GROUP BY 1
) AS l ON l.device_id = d.id
WHERE %(device)s::text IS NULL OR d.key = %(device)s
ORDER BY d.key"""

_VALUES = """
SELECT d.key, s.service, s.index, s.characteristic, s.kind, l.value, l.text, l.at,
       coalesce(c.gain, 1), coalesce(c.offset_by, 0)
FROM dormouse.latest l
JOIN dormouse.series s ON s.tenant_id = l.tenant_id AND s.id = l.series_id
JOIN dormouse.device d ON d.tenant_id = s.tenant_id AND d.id = s.device_id
LEFT JOIN dormouse.calibration c
    ON c.tenant_id = s.tenant_id AND c.series_id = s.id AND c.during @> now()
WHERE %(device)s::text IS NULL OR d.key = %(device)s
ORDER BY d.key, s.service, s.index, s.characteristic"""


async def glance(store: Store, tenant: str, device: str | None = None) -> Glance:
    """The tenant's places, and its devices (or the one) with their newest values."""
    facts = {"device": device}
    async with store.tenant(tenant) as conn:
        places = [PlaceGlance(*row) for row in await (await conn.execute(_PLACES)).fetchall()]
        values = await _values(conn, facts)
        async with conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_DEVICES, facts)
            rows = await cursor.fetchall()
    devices = [DeviceGlance(**row, values=values.get(row["device"], [])) for row in rows]
    return Glance(places, devices)


async def _values(conn: Connection, facts: dict[str, str | None]) -> dict[str, list[SeriesGlance]]:
    found: dict[str, list[SeriesGlance]] = {}
    for row in await (await conn.execute(_VALUES, facts)).fetchall():
        device, service, index, name, kind, value, text, at, gain, offset = row
        key = SeriesKey(device, service, index, name)
        shown = SeriesGlance(key, restore(kind, value, text), at, gain, offset)
        found.setdefault(device, []).append(shown)
    return found
