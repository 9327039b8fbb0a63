"""The time zone of a tenant: /zone. That of a place is a property of the place."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from hub.api.access import Read, Write
from hub.live import Live, LiveChange
from hub.zones.service import ZoneService

__all__ = ["ZoneName", "routes"]

ZoneName = Annotated[
    str,
    Field(min_length=1, max_length=64, description="IANA's name", examples=["Europe/Berlin"]),
]


class ZoneOut(BaseModel):
    """Whose clock a tenant's days and times are by, and whether that is its own zone."""

    zone: str
    of: Literal["tenant", "hub"]


class ZoneIn(BaseModel, extra="forbid"):
    """The zone to use; null: that of the hub's machine."""

    zone: ZoneName | None


def routes(zones: ZoneService, live: Live) -> APIRouter:
    """GET and PUT /zone."""
    router = APIRouter(tags=["places"])

    async def zone(caller: Read) -> ZoneOut:
        """The time zone of days, hours and times where a place has none of its own."""
        found = await zones.of(caller.tenant)
        return ZoneOut(zone=found.zone.key, of="hub" if found.own is None else "tenant")

    async def set_zone(caller: Write, body: ZoneIn) -> ZoneOut:
        """Use another time zone for all places that have none of their own."""
        await zones.set_tenant(caller.tenant, body.zone)
        live.publish(caller.tenant, LiveChange("place", ""))
        return await zone(caller)

    router.get("/zone")(zone)
    router.put("/zone")(set_zone)
    return router
