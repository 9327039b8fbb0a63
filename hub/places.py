"""Putting a device into a place, named from the outside in."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.store.models import Activity, Device, Place
from hub.store.sessions import Sessions
from hub.store.store import Store

__all__ = ["put"]


async def put(store: Store, tenant: str, device: str, path: Sequence[str]) -> int:
    """Make device and places as far as they are missing; the innermost place's number."""
    async with Sessions(store) as sessions, sessions.tenant(tenant) as session:
        return await _put(session, device, path)


async def _put(session: AsyncSession, key: str, path: Sequence[str]) -> int:
    parent: int | None = None
    for name in path:
        known = select(Place).where(
            Place.name == name, Place.parent_id.is_not_distinct_from(parent)
        )
        place = await session.scalar(known)
        if place is None:
            place = Place(name=name, parent_id=parent)
            session.add(place)
            await session.flush()
        parent = place.id
    device = await session.scalar(select(Device).where(Device.key == key))
    if device is None:
        session.add(Device(key=key, location_id=parent))
    elif device.location_id != parent:
        async with device.clock_tick(Activity("provision", "set up over its prompt")):
            device.location_id = parent
    return parent or 0
