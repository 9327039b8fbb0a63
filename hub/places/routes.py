"""Places: a tree of them, and which devices are where."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from hub.api.access import Operator, Read, Write
from hub.api.parameters import DeviceId, Name, Number
from hub.api.principal import Principal
from hub.api.problems import ProblemError
from hub.database.database import Database
from hub.database.errors import ForeignRowError
from hub.live import Live, LiveChange
from hub.places.repository import PlaceRepository
from hub.places.service import put

__all__ = ["routes"]

PlaceNumber = Annotated[Number, Path(description="the place's number")]


class DeviceHere(BaseModel):
    """A device in a place; `values` by topic name, as measured."""

    device: str
    name: str | None
    values: dict[str, Any] = {}


class PlaceOut(BaseModel):
    """A place with those in it, by name; `devices` where they were asked for."""

    id: int
    name: str
    children: list[PlaceOut] = []
    devices: list[DeviceHere] | None = None


class PlaceMade(BaseModel):
    """A place as it is now."""

    id: int


class NewPlace(BaseModel, extra="forbid"):
    """A place to make."""

    name: Name
    parent: Number | None = Field(None, description="the place it lies in; null: a root")


class PlaceChange(BaseModel, extra="forbid"):
    """What to change; what is left out stays."""

    name: Name | None = None
    parent: Number | None = Field(None, description="null: it becomes a root")


class PutIn(BaseModel, extra="forbid"):
    """A place named from the outside in: ["House", "Kitchen"]."""

    path: list[Name] = Field(min_length=1, max_length=10)


class PutOut(BaseModel):
    """The number of the place that a device was put into."""

    place: int


class UsageOut(BaseModel):
    """What hangs on a place and those below it."""

    below: int
    devices: list[str]
    placements: int


def routes(store: Database, live: Live) -> APIRouter:
    """The routes under /places, and /devices/{device}/place."""
    router = APIRouter(tags=["places"])
    handlers = _Handlers(store, live)
    router.get("/places")(handlers.tree)
    router.post("/places", status_code=201)(handlers.make)
    router.patch("/places/{place}")(handlers.change)
    router.get("/places/{place}/usage")(handlers.usage)
    router.delete("/places/{place}", status_code=204)(handlers.remove)
    router.put("/devices/{device}/place", tags=["operator"])(handlers.put)
    return router


class _Handlers:
    """What the routes do."""

    def __init__(self, store: Database, live: Live) -> None:
        self._store, self._live = store, live

    async def tree(
        self,
        caller: Read,
        devices: Annotated[bool, Query(description="with the devices and their values")] = False,
    ) -> list[PlaceOut]:
        """All places as a tree."""
        tree = await PlaceRepository(self._store.of(caller.tenant)).tree(values=devices)
        return [_place(place) for place in tree]

    async def make(self, caller: Write, body: NewPlace) -> PlaceMade:
        """Make a place."""
        place = await PlaceRepository(self._store.of(caller.tenant)).add(body.name, body.parent)
        self._changed(caller, place)
        return PlaceMade(id=place)

    async def change(self, caller: Write, place: PlaceNumber, body: PlaceChange) -> PlaceMade:
        """Rename a place, or hang it elsewhere with all that is in it."""
        places = PlaceRepository(self._store.of(caller.tenant))
        if "name" in body.model_fields_set and body.name is None:
            raise ProblemError(422, "body.name: a place has a name")
        if "parent" in body.model_fields_set:
            await places.move(place, body.parent)
        if body.name is not None:
            await places.rename(place, body.name)
        if not body.model_fields_set:
            await places.usage(place)  # nothing to change, but the place must be there
        self._changed(caller, place)
        return PlaceMade(id=place)

    async def usage(self, caller: Read, place: PlaceNumber) -> UsageOut:
        """What would go with a place."""
        usage = await PlaceRepository(self._store.of(caller.tenant)).usage(place)
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
        places = PlaceRepository(self._store.of(caller.tenant))
        usage = await places.usage(place)
        if branch:
            await places.remove_branch(place, caller.name)
        elif usage.below or usage.devices or usage.placements:
            raise ProblemError(
                409,
                f"place {place} has {usage.below} places below it, {len(usage.devices)} devices "
                f"and {usage.placements} records of devices that were there: branch=true removes "
                "it all",
            )
        else:
            try:
                await places.remove(place)
            except ForeignRowError as error:
                raise ProblemError(409, f"place {place} was put to use just now: {error}") from None
        self._changed(caller, place)

    async def put(self, caller: Operator, device: DeviceId, body: PutIn) -> PutOut:
        """Put a device into a place; both are made as far as they are missing."""
        place = await put(self._store.of(caller.tenant), device, body.path, caller.name)
        self._live.publish(caller.tenant, LiveChange("device", device))
        return PutOut(place=place)

    def _changed(self, caller: Principal, place: int) -> None:
        self._live.publish(caller.tenant, LiveChange("place", str(place)))


def _place(place: dict[str, Any]) -> PlaceOut:
    here = place.get("devices")
    return PlaceOut(
        id=place["id"],
        name=place["name"],
        children=[_place(child) for child in place["children"] or []],
        devices=None
        if here is None
        else [
            DeviceHere(device=d["device"], name=d["name"], values=d["values"] or {}) for d in here
        ],
    )
