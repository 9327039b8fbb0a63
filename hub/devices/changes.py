"""What people change about a device, with who did it and why in its history."""

from __future__ import annotations

from typing import LiteralString

from hub.database.database import Connection, Store
from hub.database.errors import ForeignRowError
from hub.database.refusals import typed

__all__ = ["Changes", "acting"]

# A device may be named before its first reading.
_ENSURE = """
INSERT INTO dormouse.device (tenant_id, key)
SELECT dormouse.current_tenant(), %(device)s
WHERE NOT EXISTS (SELECT FROM dormouse.device WHERE key = %(device)s)
ON CONFLICT (tenant_id, key) DO NOTHING"""
_ACTIVITY = """
WITH made AS (INSERT INTO dormouse.activity (who, why) VALUES (%s, %s) RETURNING id)
SELECT set_config('dormouse.activity', id::text, true) FROM made"""
_NAME = """
UPDATE dormouse.device SET name = %(value)s
WHERE key = %(device)s AND name IS DISTINCT FROM %(value)s"""
_PLACE = """
UPDATE dormouse.device SET location_id = %(value)s
WHERE key = %(device)s AND location_id IS DISTINCT FROM %(value)s"""


class Changes:
    """Changes by one person to the devices of one tenant.

    Each raises ForeignRowError for what is not there, RefusedValueError for what is not allowed;
    one that changes nothing leaves no trace.
    """

    def __init__(self, store: Store, tenant: str, who: str) -> None:
        self._store = store
        self._tenant = tenant
        self._who = who

    async def name(self, device: str, name: str) -> None:
        """Call a device something, 1 to 100 characters; `""`: nothing any more."""
        await self._change(_NAME, device, name.strip() or None, "named it")

    async def place(self, device: str, place: int | None) -> None:
        """Put a device into a place, by its number; None: into none."""
        await self._change(_PLACE, device, place, "moved it")

    async def _change(
        self, statement: LiteralString, device: str, value: str | int | None, why: str
    ) -> None:
        facts = {"device": device, "value": value}
        with typed():
            async with self._store.tenant(self._tenant) as conn:
                await conn.execute(_ENSURE, facts)
                # A statement that touches no row would leave an activity without a tick.
                async with conn.transaction() as attempt:
                    await acting(conn, self._who, why)
                    changed = await conn.execute(statement, facts)
                    if not changed.rowcount:
                        attempt.force_rollback = True
                known = await conn.execute(
                    "SELECT FROM dormouse.device WHERE key = %(device)s", facts
                )
        if not known.rowcount:
            raise ForeignRowError(f"no device {device!r}")


async def acting(conn: Connection, who: str, why: str) -> None:
    """Let the rest of the transaction be somebody's doing: the ticks of history refer to it."""
    await conn.execute(_ACTIVITY, [who, why])
