"""One device takes another's place: a broken sensor's successor continues its history."""

from __future__ import annotations

from datetime import UTC, datetime

from psycopg.types.json import Jsonb

from hub.database.database import Connection, TenantDatabase
from hub.database.queries import Queries
from hub.errors import HubError

__all__ = ["NoSuchDeviceError", "replace_device"]

_QUERIES = Queries.of("hub.devices")


class NoSuchDeviceError(HubError):
    """The database has no such device."""

    http_status = 404

    def __init__(self, device: str) -> None:
        super().__init__(f"there is no device {device!r}: `dormouse status` lists them")
        self.device = device


async def replace_device(database: TenantDatabase, old: str, new: str, *, who: str) -> str | None:
    """The device known as `old`, with its series, name and place, is `new` from now on.

    What `new` measured as a device of its own before stays apart, under the name that is
    returned (None: it had measured nothing). Recorded as an activity, and in the device's
    attributes. Raises NoSuchDeviceError for `old`.
    """
    now = datetime.now(UTC)
    async with database.transaction() as conn:
        device = await _number(conn, old)
        if device is None:
            raise NoSuchDeviceError(old)
        successor = await _number(conn, new)
        apart = None
        if successor is not None:
            # 64 characters at most, as for every device.
            apart = f"{new[:46]}-{now:%Y%m%dT%H%M%SZ}"
            await conn.execute(_QUERIES["rename_device"], [apart, successor])
            await conn.execute(_QUERIES["take_deliveries"], [device, successor])
        await conn.execute(_QUERIES["rename_device"], [new, device])
        fact = {"old": old, "new": new, "at": now.isoformat(), "apart": apart}
        note = Jsonb({"replacements": [fact]})
        await conn.execute(_QUERIES["note_replacement"], {"id": device, "note": note})
        await conn.execute(_QUERIES["add_activity"], [who, f"{new} replaces {old}"])
    return apart


async def _number(conn: Connection, key: str) -> int | None:
    row = await (await conn.execute(_QUERIES["hold_device_number"], [key])).fetchone()
    return None if row is None else int(row[0])
