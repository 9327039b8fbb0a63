"""Places: a tree of them, and which devices are where."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from hub.api.access import Operator, Read, Write
from hub.api.parameters import DeviceId, Instant, Name, Number
from hub.api.principal import Principal
from hub.api.problems import ProblemError
from hub.database.errors import ForeignRowError
from hub.devices.service import DeviceService
from hub.live import Live, LiveChange
from hub.places.service import PlaceService
from hub.zones.routes import ZoneName
from hub.zones.service import ZoneService, checked_zone

__all__ = ["routes"]

PlaceNumber = Annotated[Number, Path(description="the place's number")]


class DeviceHere(BaseModel):
    """A device in a place; `values` by topic name: `value` calibrated, `raw` as measured, `at`."""

    device: str
    name: str | None
    values: dict[str, Any] = {}


class PlaceOut(BaseModel):
    """A place with those in it, by name, null for a leaf; `devices` where they were asked for.

    `zone` is its own time zone; null: that of the place around it, else the tenant's.
    """

    id: int
    name: str
    zone: str | None = None
    children: list[PlaceOut] | None
    devices: list[DeviceHere] | None = None


class PlaceMade(BaseModel):
    """A place as it is now."""

    id: int


class PlaceZone(BaseModel):
    """Whose clock a place's days and times are by."""

    zone: str


class NewPlace(BaseModel, extra="forbid"):
    """A place to make."""

    name: Name
    parent: Number | None = Field(None, description="the place it lies in; null: a root")
    zone: ZoneName | None = Field(None, description="null: that of the place around it")


class PlaceChange(BaseModel, extra="forbid"):
    """What to change; what is left out stays."""

    name: Name | None = None
    parent: Number | None = Field(None, description="null: it becomes a root")
    zone: ZoneName | None = Field(None, description="null: that of the place around it")


class PutIn(BaseModel, extra="forbid"):
    """A place named from the outside in: ["House", "Kitchen"]."""

    path: list[Name] = Field(min_length=1, max_length=10)
    since: Instant | None = Field(None, description="when it came there; left out: now")
    until: Instant | None = Field(None, description="when it left again, with `since`")


class PutOut(BaseModel):
    """The number of the place that a device was put into."""

    place: int


class UsageOut(BaseModel):
    """What hangs on a place and those below it."""

    below: int
    devices: list[str]
    placements: int


def routes(
    places: PlaceService, devices: DeviceService, zones: ZoneService, live: Live
) -> APIRouter:
    """The routes under /places, and /devices/{device}/place."""
    router = APIRouter(tags=["places"])
    steps = _Steps(places, devices, zones, live)
    router.get("/places")(steps.tree)
    router.post("/places", status_code=201)(steps.make)
    router.patch("/places/{place}")(steps.change)
    router.get("/places/{place}/zone")(steps.zone)
    router.get("/places/{place}/usage")(steps.usage)
    router.delete("/places/{place}", status_code=204)(steps.remove)
    router.put("/devices/{device}/place", tags=["operator"])(steps.put)
    return router


class _Steps:
    """What the routes do."""

    def __init__(
        self, places: PlaceService, devices: DeviceService, zones: ZoneService, live: Live
    ) -> None:
        self._places, self._devices, self._zones, self._live = places, devices, zones, live

    async def tree(
        self,
        caller: Read,
        devices: Annotated[bool, Query(description="with the devices and their values")] = False,
    ) -> list[PlaceOut]:
        """All places as a tree."""
        tree = await self._places.tree(caller.tenant, values=devices)
        return [_place(place) for place in tree]

    async def make(self, caller: Write, body: NewPlace) -> PlaceMade:
        """Make a place."""
        if body.zone is not None:
            checked_zone(body.zone)
        place = await self._places.add(caller.tenant, body.name, body.parent)
        if body.zone is not None:
            await self._zones.set_place(caller.tenant, place, body.zone)
        self._changed(caller, place)
        return PlaceMade(id=place)

    async def change(self, caller: Write, place: PlaceNumber, body: PlaceChange) -> PlaceMade:
        """Rename a place, hang it elsewhere with all that is in it, or give it a time zone."""
        if "name" in body.model_fields_set and body.name is None:
            raise ProblemError(422, "body.name: a place has a name")
        if "zone" in body.model_fields_set:
            await self._zones.set_place(caller.tenant, place, body.zone)
        if "parent" in body.model_fields_set:
            await self._places.move(caller.tenant, place, body.parent)
        if body.name is not None:
            await self._places.rename(caller.tenant, place, body.name)
        if not body.model_fields_set:
            # Nothing to change, but the place must be there.
            await self._places.usage(caller.tenant, place)
        self._changed(caller, place)
        return PlaceMade(id=place)

    async def zone(self, caller: Read, place: PlaceNumber) -> PlaceZone:
        """The time zone of a place: its own, else of the nearest around it, else the tenant's."""
        return PlaceZone(zone=(await self._zones.of_place(caller.tenant, place)).key)

    async def usage(self, caller: Read, place: PlaceNumber) -> UsageOut:
        """What would go with a place."""
        usage = await self._places.usage(caller.tenant, place)
        return UsageOut(below=usage.below, devices=list(usage.devices), placements=usage.placements)

    async def remove(
        self,
        caller: Write,
        place: PlaceNumber,
        branch: Annotated[
            bool, Query(description="also what is below, and which device was there when")
        ] = False,
    ) -> None:
        """Remove a place that nothing is, or was, in; with `branch` whatever it holds.

        Devices in it move up to the place above; their readings stay.
        """
        usage = await self._places.usage(caller.tenant, place)
        if branch:
            await self._places.remove_branch(caller.tenant, place, caller.name)
        elif usage.below or usage.devices or usage.placements:
            raise ProblemError(
                409,
                f"place {place} has {usage.below} places below it, {len(usage.devices)} devices "
                f"and {usage.placements} records of devices that were there: branch=true removes "
                "it all",
            )
        else:
            try:
                await self._places.remove(caller.tenant, place)
            except ForeignRowError as error:
                raise ProblemError(409, f"place {place} was put to use just now: {error}") from None
        self._changed(caller, place)

    async def put(self, caller: Operator, device: DeviceId, body: PutIn) -> PutOut:
        """Put a device into a place; both are made as far as they are missing."""
        if body.until is not None and body.since is None:
            raise ProblemError(422, "body.until: says when a move ended: give `since` as well")
        place = await self._places.ensure_path(caller.tenant, body.path)
        device = await self._devices.put(
            caller.tenant, device, place, caller.name, since=body.since, until=body.until
        )
        self._live.publish(caller.tenant, LiveChange("device", device))
        return PutOut(place=place)

    def _changed(self, caller: Principal, place: int) -> None:
        self._live.publish(caller.tenant, LiveChange("place", str(place)))


def _place(place: dict[str, Any]) -> PlaceOut:
    here, below = place.get("devices"), place["children"]
    return PlaceOut(
        id=place["id"],
        name=place["name"],
        zone=place.get("zone"),
        children=below and [_place(child) for child in below],
        devices=None
        if here is None
        else [
            DeviceHere(device=d["device"], name=d["name"], values=d["values"] or {}) for d in here
        ],
    )
