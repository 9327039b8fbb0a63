"""What the command line may say about places, over the control socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field, StringConstraints

from contracts.topics import is_device_id
from hub.database.database import Database
from hub.places import service as places

__all__ = ["router"]

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class Put(BaseModel):
    """Put a device into a place, named from the outside in: ["House", "Kitchen"]."""

    device: str
    path: list[Name] = Field(min_length=1, max_length=10)
    tenant: str | None = None


def router(store: Callable[[], Database], tenant: str) -> APIRouter:
    """The routes under /places; `tenant` is meant where a request names none."""
    routes = APIRouter(prefix="/places")

    @routes.post("/put")
    async def put(wanted: Put) -> dict[str, Any]:
        if not is_device_id(wanted.device):
            raise HTTPException(422, f"{wanted.device!r} cannot be a device")
        owner = wanted.tenant or tenant
        if owner not in await store().tenants():
            raise HTTPException(404, f"there is no tenant {owner!r}")
        return {"place": await places.put(store().of(owner), wanted.device, wanted.path)}

    return routes
