"""Places: a tree of them, and which devices are where."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from hub.api.access import Asked, Read, Write
from hub.api.parameters import Name, Number
from hub.api.problems import ProblemError
from hub.database.errors import ForeignRowError
from hub.live import LiveChange
from hub.places.repository import PlaceRepository

__all__ = ["routes"]

routes = APIRouter(prefix="/places", tags=["places"])

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


class Usage(BaseModel):
    """What hangs on a place and those below it."""

    below: int
    devices: list[str]
    placements: int


@routes.get("")
async def tree(
    asked: Read,
    devices: Annotated[bool, Query(description="with the devices and their values")] = False,
) -> list[PlaceOut]:
    """All places as a tree."""
    found = await PlaceRepository(asked.store.of(asked.tenant)).tree(values=devices)
    return [_place(place) for place in found]


@routes.post("", status_code=201)
async def make(asked: Write, wanted: NewPlace) -> PlaceMade:
    """Make a place."""
    place = await PlaceRepository(asked.store.of(asked.tenant)).add(wanted.name, wanted.parent)
    _changed(asked, place)
    return PlaceMade(id=place)


@routes.patch("/{place}")
async def change(asked: Write, place: PlaceNumber, wanted: PlaceChange) -> PlaceMade:
    """Rename a place, or hang it elsewhere with all that is in it."""
    places = PlaceRepository(asked.store.of(asked.tenant))
    if "name" in wanted.model_fields_set and wanted.name is None:
        raise ProblemError(422, "body.name: a place has a name")
    if "parent" in wanted.model_fields_set:
        await places.move(place, wanted.parent)
    if wanted.name is not None:
        await places.rename(place, wanted.name)
    if not wanted.model_fields_set:
        await places.usage(place)  # nothing to change, but the place must be there
    _changed(asked, place)
    return PlaceMade(id=place)


@routes.get("/{place}/usage")
async def usage(asked: Read, place: PlaceNumber) -> Usage:
    """What would go with a place."""
    found = await PlaceRepository(asked.store.of(asked.tenant)).usage(place)
    return Usage(below=found.below, devices=list(found.devices), placements=found.placements)


@routes.delete("/{place}", status_code=204)
async def remove(
    asked: Write,
    place: PlaceNumber,
    branch: Annotated[
        bool, Query(description="also what is below, and which device was there when")
    ] = False,
) -> None:
    """Remove a place that nothing is, or was, in; with `branch` whatever it holds.

    Devices in it move up to the place above; their readings stay.
    """
    places = PlaceRepository(asked.store.of(asked.tenant))
    found = await places.usage(place)
    if branch:
        await places.remove_branch(place, asked.principal.name)
    elif found.below or found.devices or found.placements:
        raise ProblemError(
            409,
            f"place {place} has {found.below} places below it, {len(found.devices)} devices and "
            f"{found.placements} records of devices that were there: branch=true removes it all",
        )
    else:
        try:
            await places.remove(place)
        except ForeignRowError as error:
            raise ProblemError(409, f"place {place} was put to use just now: {error}") from None
    _changed(asked, place)


def _changed(asked: Asked, place: int) -> None:
    asked.hub.live.publish(asked.tenant, LiveChange("place", str(place)))


def _place(found: dict[str, Any]) -> PlaceOut:
    here = found.get("devices")
    return PlaceOut(
        id=found["id"],
        name=found["name"],
        children=[_place(child) for child in found["children"] or []],
        devices=None
        if here is None
        else [
            DeviceHere(device=d["device"], name=d["name"], values=d["values"] or {}) for d in here
        ],
    )
