"""Places as a tree, and devices in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any

from hub.database.database import Store
from hub.database.errors import ForeignRowError
from hub.database.refusals import typed
from hub.devices.changes import acting

__all__ = ["Places", "Usage"]

_TREE = files("hub.database.schema").joinpath("query_tree.sql").read_text("utf-8")

_BELOW = """
WITH RECURSIVE branch AS (
    SELECT id FROM dormouse.place WHERE id = %(place)s
    UNION ALL
    SELECT p.id FROM dormouse.place p JOIN branch ON p.parent_id = branch.id
)"""
_USAGE = f"""{_BELOW}
SELECT (SELECT count(*) FROM branch) - 1,
       (SELECT array_agg(key ORDER BY key) FROM dormouse.device
        WHERE location_id IN (SELECT id FROM branch)),
       (SELECT count(*) FROM dormouse.placement WHERE location_id IN (SELECT id FROM branch)),
       (SELECT min(lower(during)) FROM dormouse.placement
        WHERE location_id IN (SELECT id FROM branch))"""  # noqa: S608  # a constant
_LEAVE = f"""{_BELOW}
UPDATE dormouse.device SET location_id = (SELECT parent_id FROM dormouse.place WHERE id = %(place)s)
WHERE location_id IN (SELECT id FROM branch)"""  # noqa: S608  # a constant
_FORGET = f"""{_BELOW}
DELETE FROM dormouse.placement WHERE location_id IN (SELECT id FROM branch)"""  # noqa: S608
_REMOVE = f"""{_BELOW}
DELETE FROM dormouse.place WHERE id IN (SELECT id FROM branch)"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Usage:
    """What hangs on a place and those below it: what would go with it.

    `placements` counts the times that a device was there, from `since` on, present ones included.
    """

    below: int
    devices: tuple[str, ...]
    placements: int
    since: datetime | None


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

    async def ensure(self, name: str, parent: int | None = None) -> int:
        """The place of that name within another (None: a root), made if there is none."""
        async with self._store.tenant(self._tenant) as conn:
            found = await conn.execute(
                """SELECT id FROM dormouse.place
                   WHERE name = %s AND parent_id IS NOT DISTINCT FROM %s""",
                [name, parent],
            )
            row = await found.fetchone()
        return int(row[0]) if row else await self.add(name, parent)

    async def move(self, place: int, parent: int | None) -> None:
        """Hang a branch elsewhere, None: make it a root. Raises CycleError, ForeignRowError."""
        await self._change("UPDATE dormouse.place SET parent_id = %s WHERE id = %s", parent, place)

    async def rename(self, place: int, name: str) -> None:
        """Another name. Raises DuplicateNameError, ForeignRowError."""
        await self._change("UPDATE dormouse.place SET name = %s WHERE id = %s", name, place)

    async def remove(self, place: int) -> None:
        """Remove a leaf that no device is or was in. Raises ForeignRowError otherwise."""
        await self._change("DELETE FROM dormouse.place WHERE %s AND id = %s", "true", place)

    async def devices_elsewhere(self) -> list[dict[str, Any]]:
        """The devices that are in no place: `{"device", "name"}`, by id."""
        async with self._store.tenant(self._tenant) as conn:
            found = await conn.execute(
                "SELECT key, name FROM dormouse.device WHERE location_id IS NULL ORDER BY key"
            )
            return [{"device": key, "name": name} for key, name in await found.fetchall()]

    async def usage(self, place: int) -> Usage:
        """What would go with a place, or what keeps it from going."""
        async with self._store.tenant(self._tenant) as conn:
            row = await (await conn.execute(_USAGE, {"place": place})).fetchone()
        if row is None or row[0] < 0:
            raise ForeignRowError(f"no place {place}")
        return Usage(row[0], tuple(row[1] or ()), row[2], row[3])

    async def remove_branch(self, place: int, who: str) -> None:
        """Remove a place, those below it, and the record of which device was there when.

        Devices that are there now move up to the place above it. Readings stay. Raises
        ForeignRowError.
        """
        facts = {"place": place}
        with typed():
            async with self._store.tenant(self._tenant) as conn:
                await acting(conn, who, "removed its place")
                for statement in (_LEAVE, _FORGET, _REMOVE):
                    changed = await conn.execute(statement, facts)
                if not changed.rowcount:
                    raise ForeignRowError(f"no place {place}")

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
