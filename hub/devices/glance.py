"""All of a tenant at a glance: places, devices in them, last values as people want them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from hub.database.database import TenantDatabase
from hub.database.queries import Queries
from hub.devices.overview import LastValue, latest_values

__all__ = ["DeviceGlance", "Glance", "PlaceGlance", "glance"]

_QUERIES = Queries.of("hub.devices")


@dataclass(frozen=True, slots=True)
class DeviceGlance:
    """A device with its newest values.

    `seen_at` is the newest of readings and reports; `next_wake_at` when it said it would wake
    (None: it stays awake, or never said); `interval` what its last report announced, in seconds;
    `attributes` what people noted about it.
    """

    device: str
    name: str | None
    place: int | None
    seen_at: datetime | None
    next_wake_at: datetime | None
    report: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    values: list[LastValue] = field(default_factory=list)


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

    def within(self, place: int) -> set[int]:
        """A place and everything below it in the tree."""
        below: dict[int | None, list[int]] = {}
        for one in self.places:
            below.setdefault(one.parent, []).append(one.place)
        found, waiting = set[int](), [place]
        while waiting:
            number = waiting.pop()
            found.add(number)
            waiting += below.get(number, [])
        return found


async def glance(database: TenantDatabase, device: str | None = None) -> Glance:
    """The tenant's places, and its devices (or the one) with their newest values."""
    facts = {"device": device}
    async with database.transaction() as conn:
        places = [
            PlaceGlance(*row)
            for row in await (await conn.execute(_QUERIES["places_at_a_glance"])).fetchall()
        ]
        values: dict[str, list[LastValue]] = {}
        for value in await latest_values(conn, None if device is None else [device]):
            values.setdefault(value.series.device, []).append(value)
        async with conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_QUERIES["devices_at_a_glance"], facts)
            rows = await cursor.fetchall()
    devices = [DeviceGlance(**row, values=values.get(row["device"], [])) for row in rows]
    return Glance(places, devices)
