"""What was true of a device at an instant, and what changed since: for pages and programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg.rows import class_row

from hub.database.database import TenantDatabase
from hub.database.queries import Queries
from hub.errors import HubError

__all__ = [
    "DeviceAtInstant",
    "DeviceReplacedError",
    "PropertyChange",
    "changes_of",
    "device_at",
    "refuse_replaced",
    "replaced",
]

_QUERIES = Queries.of("hub.devices")


class DeviceReplacedError(HubError):
    """Another device has taken the place of the one that is asked or told of, `at` an instant."""

    http_status = 404

    def __init__(self, device: str, by: str, at: datetime) -> None:
        self.device, self.by, self.at = device, by, at
        super().__init__(f"{device} was replaced by {by} at {at.isoformat()}: ask for that")


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


async def refuse_replaced(database: TenantDatabase, device: str, instant: datetime | None) -> None:
    """Raise DeviceReplacedError for an id that no device has any more at an instant; None: now."""
    at = datetime.now(UTC) if instant is None else instant
    async with database.transaction() as conn:
        found = await conn.execute(_QUERIES["find_device"], {"device": device})
        if found.rowcount:
            return
    by = await replaced(database, device, at)
    if by is not None and await device_at(database, device, at) is None:
        raise DeviceReplacedError(device, *by)


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
