"""What was true of a device at an instant, and what changed since: for pages and programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from hub.database.database import TenantDatabase
from hub.database.queries import Queries

__all__ = ["DeviceAtInstant", "PropertyChange", "changes_of", "device_at", "replaced"]

_QUERIES = Queries.of("hub.devices")


@dataclass(frozen=True, slots=True)
class DeviceAtInstant:
    """A device as it was known at an instant; `since` is the last change before.

    `place_path` names the places from the outside in, as they are called today; empty where they
    are gone. `calibration` lists each series' calibrations (JSON), `attributes` has what people
    noted. `id_now` is the id that the device has today: another one's, which took its place.
    """

    device: str
    since: datetime
    name: str | None
    place: int | None
    place_path: list[str]
    interval_s: int | None
    owner: str | None
    firmware: str | None
    calibration: list[dict[str, Any]]
    attributes: dict[str, Any]
    id_now: str | None


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """A property that went from one value to another."""

    at: datetime
    property: str
    before: Any
    after: Any
    who: str | None
    why: str | None


async def device_at(
    database: TenantDatabase, device: str, instant: datetime
) -> DeviceAtInstant | None:
    """The device that had that id at an instant, as it was; None where none had."""
    parameters = {"device": device, "at": instant}
    async with (
        database.transaction() as conn,
        conn.cursor(row_factory=class_row(DeviceAtInstant)) as rows,
    ):
        await rows.execute(_QUERIES["device_at"], parameters)
        return await rows.fetchone()


async def replaced(
    database: TenantDatabase, device: str, instant: datetime
) -> tuple[str, datetime] | None:
    """Which device had taken its place by then, and when."""
    parameters = {"device": device, "at": instant}
    async with database.transaction() as conn:
        row = await (await conn.execute(_QUERIES["replaced_at"], parameters)).fetchone()
    return None if row is None else (str(row[0]), row[1])


async def changes_of(
    database: TenantDatabase,
    device: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    most: int = 100,
) -> list[PropertyChange]:
    """What changed of a device, since < at <= until, the newest first; places by number."""
    parameters = {"device": device, "since": since, "until": until, "most": most}
    async with (
        database.transaction() as conn,
        conn.cursor(row_factory=class_row(PropertyChange)) as rows,
    ):
        await rows.execute(_QUERIES["changes_of_device"], parameters)
        return await rows.fetchall()
