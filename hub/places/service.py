"""What may be asked and done about places: by pages and by the API alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.database.database import Database
from hub.devices.changes import DeviceChanges
from hub.places.repository import PlaceRepository, PlaceUsage

__all__ = ["PlaceService"]


class PlaceService:
    """The places of all tenants. What each method raises: see PlaceRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tree(self, tenant: str, *, values: bool = False) -> list[dict[str, Any]]:
        """All roots: `{"id", "name", "zone", "children"}`; with `values` also `devices`."""
        return await self._of(tenant).tree(values=values)

    async def devices_elsewhere(self, tenant: str) -> list[dict[str, Any]]:
        """The devices that are in no place: `{"device", "name"}`, by id."""
        return await self._of(tenant).devices_elsewhere()

    async def usage(self, tenant: str, place: int) -> PlaceUsage:
        """What would go with a place, or what keeps it from going."""
        return await self._of(tenant).usage(place)

    async def add(self, tenant: str, name: str, parent: int | None = None) -> int:
        """Make a place; its number."""
        return await self._of(tenant).add(name, parent)

    async def ensure(self, tenant: str, name: str, parent: int | None = None) -> int:
        """The place of that name within another (None: a root), made if there is none."""
        return await self._of(tenant).ensure(name, parent)

    async def move(self, tenant: str, place: int, parent: int | None) -> None:
        """Hang a branch elsewhere, None: make it a root."""
        await self._of(tenant).move(place, parent)

    async def rename(self, tenant: str, place: int, name: str) -> None:
        """Another name."""
        await self._of(tenant).rename(place, name)

    async def remove(self, tenant: str, place: int) -> None:
        """Remove a leaf that no device is or was in."""
        await self._of(tenant).remove(place)

    async def remove_branch(self, tenant: str, place: int, who: str) -> None:
        """Remove a place, those below it, and the record of which device was there when."""
        await self._of(tenant).remove_branch(place, who)

    async def was_placed(self, tenant: str, device: str) -> bool:
        """Whether the device is or ever was in a place."""
        return await self._of(tenant).was_placed(device)

    async def put(self, tenant: str, device: str, path: Sequence[str], who: str) -> int:
        """Put a device into a place named from the outside in; the innermost place's number.

        Device and places are made as far as they are missing. Raises DatabaseError leaves.
        """
        place = await self.ensure_path(tenant, path)
        await DeviceChanges(self._database.of(tenant), who).place(device, place)
        return place

    async def ensure_path(self, tenant: str, path: Sequence[str]) -> int:
        """The innermost place of some named from the outside in, made as far as missing."""
        parent: int | None = None
        for name in path:
            parent = await self.ensure(tenant, name, parent)
        return parent or 0

    def _of(self, tenant: str) -> PlaceRepository:
        return PlaceRepository(self._database.of(tenant))
