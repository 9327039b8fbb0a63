"""Putting a device into a place, named from the outside in."""

from __future__ import annotations

from collections.abc import Sequence

from hub.database.database import TenantDatabase
from hub.devices.changes import DeviceChanges
from hub.places.repository import PlaceRepository

__all__ = ["put"]


async def put(database: TenantDatabase, device: str, path: Sequence[str], who: str) -> int:
    """Make device and places as far as they are missing; the innermost place's number.

    Raises DatabaseError leaves.
    """
    places = PlaceRepository(database)
    parent: int | None = None
    for name in path:
        parent = await places.ensure(name, parent)
    await DeviceChanges(database, who).place(device, parent)
    return parent or 0
