"""Places as a tree, and devices in them."""

from __future__ import annotations

from datetime import datetime
from importlib.resources import files
from typing import Any

from hub.store.errors import ForeignRowError
from hub.store.refusals import typed
from hub.store.store import Store

__all__ = ["Places"]

_TREE = files("hub.store.schema").joinpath("query_tree.sql").read_text("utf-8")


class Places:
    """The places of one tenant."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store = store
        self._tenant = tenant

    async def tree(self, *, values: bool = False) -> list[dict[str, Any]]:
        """All roots: `{"id", "name", "children"}`, children by name, null for a leaf.

        With `values` each place also has `devices`: `{"device", "name", "values"}`, where values
        are the latest by topic name (`TemperatureSensor/CurrentTemperature`), each
        `{"value", "at"}`, null where the device has none.
        """
        async with self._store.tenant(self._tenant) as conn:
            row = await (await conn.execute(_TREE, {"values": values})).fetchone()
        return row[0] if row else []

    async def add(self, name: str, parent: int | None = None) -> int:
        """Make a place; its id. Raises DuplicateNameError, ForeignRowError."""
        with typed():
            async with self._store.tenant(self._tenant) as conn:
                made = await conn.execute(
                    "INSERT INTO dormouse.place (name, parent_id) VALUES (%s, %s) RETURNING id",
                    [name, parent],
                )
                row = await made.fetchone()
        return int(row[0]) if row else 0

    async def move(self, place: int, parent: int | None) -> None:
        """Hang a branch elsewhere, None: make it a root. Raises CycleError, ForeignRowError."""
        await self._change("UPDATE dormouse.place SET parent_id = %s WHERE id = %s", parent, place)

    async def rename(self, place: int, name: str) -> None:
        """Another name. Raises DuplicateNameError, ForeignRowError."""
        await self._change("UPDATE dormouse.place SET name = %s WHERE id = %s", name, place)

    async def remove(self, place: int) -> None:
        """Remove a leaf that no device is or was in. Raises ForeignRowError otherwise."""
        await self._change("DELETE FROM dormouse.place WHERE %s AND id = %s", "true", place)

    async def record(self, device: str, place: int, since: datetime, until: datetime) -> None:
        """Say where a device was in the past, since <= t < until.

        Raises OverlapError where it is known to have been somewhere, ForeignRowError.
        """
        with typed():
            async with self._store.tenant(self._tenant) as conn:
                made = await conn.execute(
                    """INSERT INTO dormouse.placement (tenant_id, device_id, location_id, during)
                       SELECT tenant_id, id, %s, tstzrange(%s, %s)
                       FROM dormouse.device WHERE key = %s""",
                    [place, since, until, device],
                )
        if made.rowcount != 1:
            raise ForeignRowError(f"no device {device!r}")

    async def _change(self, statement: str, value: object, place: int) -> None:
        with typed():
            async with self._store.tenant(self._tenant) as conn:
                changed = await conn.execute(statement, [value, place])
        if changed.rowcount != 1:
            raise ForeignRowError(f"no place {place}")
