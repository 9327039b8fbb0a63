"""The zones that a tenant's database holds: the tenant's own, and those of its places."""

from __future__ import annotations

from collections.abc import Sequence

from hub.database.database import TenantDatabase
from hub.database.errors import ForeignRowError
from hub.database.key_value import KeyValueStore
from hub.database.queries import Queries

__all__ = ["ZoneRepository"]

_QUERIES = Queries.of("hub.zones")
_AREA, _KEY = "tenant", "zone"


class ZoneRepository:
    """The zones of one tenant, by name."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database
        self._store = KeyValueStore(database, "zones")

    async def of_tenant(self) -> str | None:
        """The tenant's own; None where it has none."""
        found = (await self._store.load(_AREA)).get(_KEY)
        return found if isinstance(found, str) else None

    async def set_tenant(self, zone: str | None) -> None:
        """Keep it; None: the tenant has none of its own any more."""
        if zone is None:
            await self._store.delete(_AREA, [_KEY])
        else:
            await self._store.save(_AREA, {_KEY: zone})

    async def of_places(self) -> dict[int, tuple[int | None, str | None]]:
        """By place: the one it lies in, and its own zone."""
        async with self._database.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["zones_of_places"])).fetchall()
        return {place: (parent, zone) for place, parent, zone in rows}

    async def set_place(self, place: int, zone: str | None) -> None:
        """Keep a place's own; None: that of the place around it. Raises ForeignRowError."""
        async with self._database.transaction() as conn:
            changed = await conn.execute(
                _QUERIES["set_zone_of_place"], {"place": place, "zone": zone}
            )
        if changed.rowcount != 1:
            raise ForeignRowError(f"no place {place}")

    async def places_of(self, devices: Sequence[str]) -> dict[str, int | None]:
        """Where devices are now; those that are not known are left out."""
        async with self._database.transaction() as conn:
            cursor = await conn.execute(_QUERIES["places_of_devices"], [list(devices)])
            return dict(await cursor.fetchall())

    async def known(self, zone: str) -> bool:
        """Whether the database's own table has a zone too."""
        async with self._database.transaction() as conn:
            row = await (await conn.execute(_QUERIES["is_known_zone"], [zone])).fetchone()
        return bool(row and row[0])
