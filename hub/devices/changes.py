"""What people change about a device, with who did it and why in its history."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from hub.database.database import Connection, TenantDatabase
from hub.database.errors import ForeignRowError
from hub.database.queries import Queries, Query
from hub.database.refusals import typed
from hub.devices.attributes import merged

__all__ = ["DeviceChanges", "acting"]

_QUERIES = Queries.of("hub.devices")


class DeviceChanges:
    """Changes by one person to the devices of one tenant.

    Each raises ForeignRowError for what is not there, RefusedValueError for what is not allowed;
    one that changes nothing leaves no trace.
    """

    def __init__(self, database: TenantDatabase, who: str) -> None:
        self._database = database
        self._who = who

    async def name(self, device: str, name: str) -> None:
        """Call a device something, 1 to 100 characters; `""`: nothing any more."""
        await self._change(_QUERIES["set_name"], device, name.strip() or None, "named it")

    async def place(self, device: str, place: int | None) -> None:
        """Put a device into a place, by its number; None: into none."""
        await self._change(_QUERIES["set_place"], device, place, "moved it")

    async def attributes(
        self, device: str, change: object, *, dry_run: bool = False
    ) -> dict[str, Any]:
        """Note something about a device, name by name; None: nothing any more. What is noted then.

        Raises AttributesRefusedError. A dry run only finds out whether it is refused.
        """
        parameters: dict[str, Any] = {"device": device}
        with typed():
            async with self._database.transaction() as conn:
                held = await conn.execute(_QUERIES["hold_attributes"], parameters)
                row = await held.fetchone()
                if row is None:
                    raise ForeignRowError(f"no device {device!r}")
                after = merged(row[0], change)
                if after != row[0] and not dry_run:
                    await acting(conn, self._who, "noted attributes")
                    parameters["values"] = Jsonb(after)
                    await conn.execute(_QUERIES["set_attributes"], parameters)
        return after

    async def _change(
        self, statement: Query, device: str, value: str | int | None, why: str
    ) -> None:
        parameters = {"device": device, "value": value}
        with typed():
            async with self._database.transaction() as conn:
                await conn.execute(_QUERIES["ensure_device"], parameters)
                # A statement that touches no row would leave an activity without a tick.
                async with conn.transaction() as attempt:
                    await acting(conn, self._who, why)
                    changed = await conn.execute(statement, parameters)
                    if not changed.rowcount:
                        attempt.force_rollback = True
                rows = await conn.execute(_QUERIES["find_device"], parameters)
        if not rows.rowcount:
            raise ForeignRowError(f"no device {device!r}")


async def acting(conn: Connection, who: str, why: str) -> None:
    """Let the rest of the transaction be somebody's doing: the ticks of history refer to it."""
    await conn.execute(_QUERIES["begin_activity"], [who, why])
