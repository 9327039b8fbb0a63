"""Places as a tree, and devices in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.database.database import TenantDatabase
from hub.database.errors import ForeignRowError
from hub.database.queries import Queries, Query
from hub.database.refusals import typed
from hub.devices.changes import acting

__all__ = ["PlaceRepository", "PlaceUsage"]

_QUERIES = Queries.of("hub.places")


@dataclass(frozen=True, slots=True)
class PlaceUsage:
    """What hangs on a place and those below it: what would go with it.

    `placements` counts the times that a device was there, from `since` on, present ones included.
    """

    below: int
    devices: tuple[str, ...]
    placements: int
    since: datetime | None


class PlaceRepository:
    """The places of one tenant."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def tree(self, *, values: bool = False) -> list[dict[str, Any]]:
        """All roots: `{"id", "name", "zone", "children"}`, children by name, null for a leaf.

        `zone` is a place's own, null for that of the place around it.

        With `values` each place also has `devices`: `{"device", "name", "values"}`, where values
        are the latest by topic name (`TemperatureSensor/CurrentTemperature`), each
        `{"value", "raw", "at"}` (calibrated, as measured), null where the device has none.
        """
        async with self._database.transaction() as conn:
            row = await (await conn.execute(_QUERIES["tree"], {"values": values})).fetchone()
        return row[0] if row else []

    async def add(self, name: str, parent: int | None = None) -> int:
        """Make a place; its id. Raises DuplicateNameError, ForeignRowError."""
        with typed():
            async with self._database.transaction() as conn:
                made = await conn.execute(
                    _QUERIES["add_place"],
                    [name, parent],
                )
                row = await made.fetchone()
        return int(row[0]) if row else 0

    async def ensure(self, name: str, parent: int | None = None) -> int:
        """The place of that name within another (None: a root), made if there is none."""
        async with self._database.transaction() as conn:
            cursor = await conn.execute(
                _QUERIES["find_place"],
                [name, parent],
            )
            row = await cursor.fetchone()
        return int(row[0]) if row else await self.add(name, parent)

    async def move(self, place: int, parent: int | None) -> None:
        """Hang a branch elsewhere, None: make it a root. Raises CycleError, ForeignRowError."""
        await self._change(_QUERIES["move_place"], parent, place)

    async def rename(self, place: int, name: str) -> None:
        """Another name. Raises DuplicateNameError, ForeignRowError."""
        await self._change(_QUERIES["rename_place"], name, place)

    async def remove(self, place: int) -> None:
        """Remove a leaf that no device is or was in. Raises ForeignRowError otherwise."""
        await self._change(_QUERIES["remove_place"], "true", place)

    async def devices_elsewhere(self) -> list[dict[str, Any]]:
        """The devices that are in no place: `{"device", "name"}`, by id."""
        async with self._database.transaction() as conn:
            cursor = await conn.execute(_QUERIES["devices_elsewhere"])
            return [{"device": key, "name": name} for key, name in await cursor.fetchall()]

    async def was_placed(self, device: str) -> bool:
        """Whether the device is or ever was in a place."""
        async with self._database.transaction() as conn:
            row = await (await conn.execute(_QUERIES["was_placed"], [device])).fetchone()
        return bool(row and row[0])

    async def usage(self, place: int) -> PlaceUsage:
        """What would go with a place, or what keeps it from going."""
        async with self._database.transaction() as conn:
            row = await (
                await conn.execute(_QUERIES["usage_of_branch"], {"place": place})
            ).fetchone()
        if row is None or row[0] < 0:
            raise ForeignRowError(f"no place {place}")
        return PlaceUsage(row[0], tuple(row[1] or ()), row[2], row[3])

    async def remove_branch(self, place: int, who: str) -> None:
        """Remove a place, those below it, and the record of which device was there when.

        Devices that are there now move up to the place above it. Readings stay. Raises
        ForeignRowError.
        """
        facts = {"place": place}
        with typed():
            async with self._database.transaction() as conn:
                await acting(conn, who, "removed its place")
                for statement in (
                    _QUERIES["leave_branch"],
                    _QUERIES["forget_placements"],
                    _QUERIES["remove_branch"],
                ):
                    changed = await conn.execute(statement, facts)
                if not changed.rowcount:
                    raise ForeignRowError(f"no place {place}")

    async def record(self, device: str, place: int, since: datetime, until: datetime) -> None:
        """Say where a device was in the past, since <= t < until.

        Raises OverlapError where it is known to have been somewhere, ForeignRowError.
        """
        with typed():
            async with self._database.transaction() as conn:
                made = await conn.execute(
                    _QUERIES["record_placement"],
                    [place, since, until, device],
                )
        if made.rowcount != 1:
            raise ForeignRowError(f"no device {device!r}")

    async def _change(self, statement: Query, value: object, place: int) -> None:
        with typed():
            async with self._database.transaction() as conn:
                changed = await conn.execute(statement, [value, place])
        if changed.rowcount != 1:
            raise ForeignRowError(f"no place {place}")
