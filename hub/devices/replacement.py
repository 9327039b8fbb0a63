"""One device takes another's place: a broken sensor's successor continues its history."""

from __future__ import annotations

from datetime import UTC, datetime

from psycopg.types.json import Jsonb

from hub.database.database import Connection, Store
from hub.errors import HubError

__all__ = ["NoSuchDeviceError", "replace_device"]

_ID = "SELECT id FROM dormouse.device WHERE key = %s FOR UPDATE"
_RENAME = "UPDATE dormouse.device SET key = %s WHERE id = %s"
# What the successor has delivered already must not be stored again under its new number.
_DELIVERED = "UPDATE dormouse.delivery SET device_id = %s WHERE device_id = %s"
_NOTED = """
INSERT INTO dormouse.device_state AS s (tenant_id, device_id, attributes)
SELECT tenant_id, id, %(note)s FROM dormouse.device WHERE id = %(id)s
ON CONFLICT (tenant_id, device_id) DO UPDATE
SET attributes = s.attributes || jsonb_build_object('replacements',
    coalesce(s.attributes -> 'replacements', '[]') || (%(note)s::jsonb -> 'replacements'))"""
_ACTIVITY = """
INSERT INTO dormouse.activity (tenant_id, who, why)
VALUES (dormouse.current_tenant(), %s, %s)"""


class NoSuchDeviceError(HubError):
    """The database has no such device."""

    http_status = 404

    def __init__(self, device: str) -> None:
        super().__init__(f"there is no device {device!r}: `dormouse status` lists them")
        self.device = device


async def replace_device(store: Store, tenant: str, old: str, new: str, *, who: str) -> str | None:
    """The device known as `old`, with its series, name and place, is `new` from now on.

    What `new` measured as a device of its own before stays apart, under the name that is
    returned (None: it had measured nothing). Recorded as an activity, and in the device's
    attributes. Raises NoSuchDeviceError for `old`.
    """
    now = datetime.now(UTC)
    async with store.tenant(tenant) as conn:
        device = await _number(conn, old)
        if device is None:
            raise NoSuchDeviceError(old)
        successor = await _number(conn, new)
        apart = None
        if successor is not None:
            # 64 characters at most, as for every device.
            apart = f"{new[:46]}-{now:%Y%m%dT%H%M%SZ}"
            await conn.execute(_RENAME, [apart, successor])
            await conn.execute(_DELIVERED, [device, successor])
        await conn.execute(_RENAME, [new, device])
        fact = {"old": old, "new": new, "at": now.isoformat(), "apart": apart}
        note = Jsonb({"replacements": [fact]})
        await conn.execute(_NOTED, {"id": device, "note": note})
        await conn.execute(_ACTIVITY, [who, f"{new} replaces {old}"])
    return apart


async def _number(conn: Connection, key: str) -> int | None:
    row = await (await conn.execute(_ID, [key])).fetchone()
    return None if row is None else int(row[0])
