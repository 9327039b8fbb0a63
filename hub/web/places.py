"""What the command line may say about places, over the control socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.mqtt.topics import is_device_id
from hub.store.models import Activity, Device, Place
from hub.store.sessions import Sessions
from hub.store.store import Store

__all__ = ["router"]

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class Put(BaseModel):
    """Put a device into a place, named from the outside in: ["House", "Kitchen"]."""

    device: str
    path: list[Name] = Field(min_length=1, max_length=10)
    tenant: str | None = None


def router(store: Callable[[], Store], tenant: str) -> APIRouter:
    """The routes under /places; `tenant` is meant where a request names none."""
    routes = APIRouter(prefix="/places")

    @routes.post("/put")
    async def put(wanted: Put) -> dict[str, Any]:
        if not is_device_id(wanted.device):
            raise HTTPException(422, f"{wanted.device!r} cannot be a device")
        owner = wanted.tenant or tenant
        if owner not in await store().tenants():
            raise HTTPException(404, f"there is no tenant {owner!r}")
        async with Sessions(store()) as sessions, sessions.tenant(owner) as session:
            return {"place": await _put(session, wanted)}

    return routes


async def _put(session: AsyncSession, wanted: Put) -> int:
    """Make device and places as far as they are missing; the innermost place's number."""
    parent: int | None = None
    for name in wanted.path:
        known = select(Place).where(
            Place.name == name, Place.parent_id.is_not_distinct_from(parent)
        )
        place = await session.scalar(known)
        if place is None:
            place = Place(name=name, parent_id=parent)
            session.add(place)
            await session.flush()
        parent = place.id
    device = await session.scalar(select(Device).where(Device.key == wanted.device))
    if device is None:
        session.add(Device(key=wanted.device, location_id=parent))
    elif device.location_id != parent:
        async with device.clock_tick(Activity("provision", "set up over its prompt")):
            device.location_id = parent
    return parent or 0
