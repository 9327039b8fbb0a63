"""Devices: what they are, what they last said, what they were; names, places, commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from contracts.homekit.quantities import quantity
from hub.api.access import Command, Read, Write
from hub.api.parameters import DeviceId, Instant, Name, Number, series_key, series_name
from hub.api.principal import Principal
from hub.api.problems import ProblemError
from hub.devices.glance import DeviceGlance
from hub.devices.history import DeviceAtInstant, DeviceReplacedError
from hub.devices.known import DeviceUnknownError
from hub.devices.naming import Naming
from hub.devices.overview import LastValue
from hub.devices.service import DeviceService
from hub.live import Live, LiveChange

__all__ = ["DeviceOut", "SeriesOut", "routes", "series_out"]

_TOLD = frozenset({"place", "since", "until"})
"""What may be told of a device by an id that it had once."""


class SeriesOut(BaseModel):
    """A series and its newest value: `value` calibrated by what held then, `raw` as measured."""

    series: str
    label: str
    unit: str = Field(description="empty for a plain number, a state or a text")
    value: bool | int | float | str
    raw: bool | int | float | str
    at: datetime
    writable: bool = Field(description="whether the device may be sent a value for it")


class DeviceOut(BaseModel):
    """A device as of now. `next_wake`: null for one that stays awake, or never said."""

    id: str
    name: str | None
    place: int | None
    seen: datetime | None
    next_wake: datetime | None
    battery_mv: int | None
    firmware: str | None
    report: dict[str, Any] = Field(description="its last $report as it came")
    attributes: dict[str, Any] = Field(description="what people noted about it")
    series: list[SeriesOut]


class DeviceElsewhere(DeviceOut):
    """A device and whose it is; `place` is one of that tenant's."""

    tenant: str


class PastOut(BaseModel):
    """A device as it was at an instant, as it was known then; `since` when that began.

    `id_now`: what it is called today, where another device took its place.
    """

    id: str
    id_now: str | None
    at: datetime
    since: datetime
    name: str | None
    place: int | None
    place_path: list[str] = Field(description="as the places are called today")
    interval_s: int | None
    owner: str | None
    firmware: str | None
    calibration: list[dict[str, Any]]
    attributes: dict[str, Any]


class ChangeOut(BaseModel):
    """One property that went from one value to another; `who` and `why` where that is known."""

    at: datetime
    property: str
    before: Any
    after: Any
    who: str | None
    why: str | None


class GapsOut(BaseModel):
    """One boot identity of a device: which of its sequence numbers 1..last never came.

    `lost` says how many the device thinned out itself, `unexplained` how many it does not own to.
    """

    boot: str
    last: int
    held: int
    missing: list[tuple[int, int]]
    lost: int
    unexplained: int


Attributes = Annotated[
    dict[str, Any],
    Field(
        description="each name's value is replaced as a whole, null takes the name away, others "
        "stay: 100 names of 100 characters, 8 deep, 8192 bytes of JSON at most",
        examples=[{"bought": "2026-03-01", "cells": [{"kind": "AA", "mv": 1500}], "spare": None}],
    ),
]


class DeviceChange(BaseModel, extra="forbid"):
    """What to change; what is left out stays."""

    name: Name | None = Field(None, description="null: it has no name any more")
    place: Number | None = Field(None, description="a place's number; null: it is nowhere")
    since: Instant | None = Field(None, description="when it came to `place`; left out: now")
    until: Instant | None = Field(
        None, description="when it left there again, with `since`; left out: it is there"
    )
    attributes: Attributes = {}


class StayOut(BaseModel):
    """A time that a device was in a place, since <= t < until; null: it still is."""

    place: int
    place_path: list[str] = Field(description="as the places are called today")
    since: datetime
    until: datetime | None


class CommandIn(BaseModel, extra="forbid"):
    """A value for a characteristic that can be written: {"series": "Switch/On", "value": true}."""

    series: str = Field(
        pattern=r"^[A-Za-z0-9]{1,64}(/[0-9]{1,3})?/[A-Za-z0-9.]{1,64}$",
        description="Service/Characteristic or Service/index/Characteristic",
    )
    value: bool | int | float | str = Field(union_mode="left_to_right")


class CommandOut(BaseModel):
    """Where a command went; that the device obeyed is a new value of the series."""

    series: str
    value: bool | int | float | str
    sent: bool = Field(description="false: the device sleeps; it gets it at its next wake")


Where = Annotated[
    str | None,
    Query(
        description="those whose report or attributes match, as SQL/JSON path: an array "
        "does when any of its elements does, what is not there does not",
        examples=["$.battery_mv < 2700", '$.cells[*].mv > 1305 || $.room == "attic"'],
    ),
]


Saved = Callable[[Principal, str], Awaitable[str]]


def routes(devices: DeviceService, live: Live, *, naming: Naming, saved: Saved) -> APIRouter:
    """The routes under /devices that tell of devices and change them.

    `saved` says what path the name of a saved search stands for.
    """
    router = APIRouter(tags=["devices"])
    steps = _Steps(devices, live, naming, saved)
    router.get("/everywhere/devices")(steps.everywhere)
    router.get("/devices")(steps.devices)
    router.get("/devices/{device}")(steps.device)
    router.patch("/devices/{device}")(steps.change)
    router.get("/devices/{device}/series")(steps.series)
    router.get("/devices/{device}/at")(steps.at)
    router.get("/devices/{device}/history")(steps.history)
    router.get("/devices/{device}/placements")(steps.placements)
    router.get("/devices/{device}/gaps")(steps.gaps)
    router.post("/devices/{device}/commands", status_code=202)(steps.command)
    return router


class _Steps:
    """What the routes do."""

    def __init__(self, devices: DeviceService, live: Live, naming: Naming, saved: Saved) -> None:
        self._devices, self._live, self._naming, self._saved = devices, live, naming, saved

    async def devices(
        self,
        caller: Read,
        place: Annotated[
            Number | None, Query(description="those that are in that place, or in one below it")
        ] = None,
        where: Where = None,
        search: Annotated[
            Name | None, Query(description="those that the saved search of that name finds")
        ] = None,
    ) -> list[DeviceOut]:
        """All devices with their newest values."""
        paths = [] if where is None else [where]
        if search is not None:
            paths.append(await self._saved(caller, search))
        found = [await self._devices.where(caller.tenant, path) for path in paths]
        glance = await self._devices.glance(caller.tenant)
        there = None if place is None else glance.within(place)
        return [
            self._device(caller.tenant, d)
            for d in glance.devices
            if (there is None or d.place in there)
            and all(d.device in matching for matching in found)
        ]

    async def everywhere(self, caller: Read, where: Where = None) -> list[DeviceElsewhere]:
        """The devices of all tenants that one belongs to, as of one moment, with whose they are.

        With a tenant named, of that one.
        """
        if caller.operator and not caller.tenants:
            tenants = sorted(await self._devices.all_tenants())
        else:
            tenants = [caller.tenant] if caller.chosen else list(caller.tenants)
        found = await self._devices.everywhere(tenants, where)
        return [
            DeviceElsewhere(tenant=tenant, **self._device(tenant, device).model_dump())
            for tenant, device in found
        ]

    async def device(self, caller: Read, device: DeviceId) -> DeviceOut:
        """One device with its newest values."""
        return self._device(caller.tenant, await self._glance(caller.tenant, device))

    async def change(self, caller: Write, device: DeviceId, body: DeviceChange) -> DeviceOut:
        """Name a device, put it into a place, note attributes.

        Its history keeps what was before, and who did it.

        With `since` it is told of a move that happened then, by the id that it had then: the answer
        is the device as it is called today. What overlaps with a later move is refused.
        """
        if "place" not in body.model_fields_set and (body.since or body.until):
            raise ProblemError(422, "body.since: says when it came to `place`: give that as well")
        if body.until is not None and body.since is None:
            raise ProblemError(422, "body.until: says when a move ended: give `since` as well")
        if body.since is not None and body.model_fields_set <= _TOLD:
            await self._devices.require_past(caller.tenant, device)
        else:
            await self._devices.require(caller.tenant, device)
        who = caller.name
        if body.attributes:
            # Refused before anything is done.
            await self._devices.note(caller.tenant, device, body.attributes, who, dry_run=True)
        if "place" in body.model_fields_set:
            device = await self._devices.put(
                caller.tenant, device, body.place, who, since=body.since, until=body.until
            )
        if "name" in body.model_fields_set:
            await self._naming.rename(caller.tenant, device, body.name or "", who)
        if body.attributes:
            await self._devices.note(caller.tenant, device, body.attributes, who)
        self._live.publish(caller.tenant, LiveChange("device", device))
        return self._device(caller.tenant, await self._glance(caller.tenant, device))

    async def series(self, caller: Read, device: DeviceId) -> list[SeriesOut]:
        """What a device measures."""
        return self._series(caller.tenant, await self._glance(caller.tenant, device))

    async def at(
        self, caller: Read, device: DeviceId, instant: Annotated[Instant, Query()]
    ) -> PastOut:
        """What was true at an instant of the device that had the id then.

        Name, place, firmware, calibration.
        """
        await self._devices.require_past(caller.tenant, device)
        past = await self._devices.at(caller.tenant, device, instant)
        if past is None:
            by = await self._devices.replaced(caller.tenant, device, instant)
            if by is not None:
                raise DeviceReplacedError(device, *by)
            raise ProblemError(404, f"{device} was not there yet at {instant.isoformat()}")
        return _past(past, instant)

    async def history(
        self,
        caller: Read,
        device: DeviceId,
        since: Annotated[Instant | None, Query()] = None,
        until: Annotated[Instant | None, Query()] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[ChangeOut]:
        """What changed about a device since < at <= until, the newest first.

        That another took its place is a change of its `id`.
        """
        await self._devices.require_past(caller.tenant, device)
        changes = await self._devices.changes(
            caller.tenant, device, since=since, until=until, most=limit
        )
        return [ChangeOut.model_validate(change, from_attributes=True) for change in changes]

    async def placements(self, caller: Read, device: DeviceId) -> list[StayOut]:
        """Where a device was when, the earliest first; one that was replaced until it was."""
        await self._devices.require_past(caller.tenant, device)
        return [
            StayOut(place=stay.place, place_path=path, since=stay.since, until=stay.until)
            for stay, path in await self._devices.stays(caller.tenant, device)
        ]

    async def gaps(self, caller: Read, device: DeviceId) -> list[GapsOut]:
        """Which of a device's readings never came, by boot identity, the oldest first."""
        await self._devices.require(caller.tenant, device)
        gaps = await self._devices.gaps(caller.tenant, device)
        return [GapsOut.model_validate(one, from_attributes=True) for one in gaps]

    async def command(self, caller: Command, device: DeviceId, body: CommandIn) -> CommandOut:
        """Send a switch, a lamp or the like a value. A sleeping device gets it when it wakes."""
        key = series_key(f"{device}/{body.series}")
        value, sent = await self._devices.command(caller.tenant, key, body.value)
        return CommandOut(series=series_name(key), value=value, sent=sent)

    def _device(self, tenant: str, glance: DeviceGlance) -> DeviceOut:
        return _device(glance, self._series(tenant, glance))

    def _series(self, tenant: str, glance: DeviceGlance) -> list[SeriesOut]:
        settable = self._devices.settable
        return [series_out(one, settable=settable(tenant, one.series)) for one in glance.values]

    async def _glance(self, tenant: str, device: str) -> DeviceGlance:
        glance = await self._devices.glance(tenant, device)
        if not glance.devices:
            raise DeviceUnknownError(device)
        return glance.devices[0]


def _device(glance: DeviceGlance, series: list[SeriesOut]) -> DeviceOut:
    report = glance.report
    battery, firmware = report.get("battery_mv"), report.get("firmware")
    return DeviceOut(
        id=glance.device,
        name=glance.name,
        place=glance.place,
        seen=glance.seen_at,
        next_wake=glance.next_wake_at,
        battery_mv=battery if isinstance(battery, int) else None,
        firmware=firmware if isinstance(firmware, str) else None,
        report=report,
        attributes=glance.attributes,
        series=series,
    )


def series_out(newest: LastValue, *, settable: bool) -> SeriesOut:
    """A series as the API gives it; `settable`: its device may be sent a value for it."""
    kind = quantity(newest.series)
    return SeriesOut(
        series=series_name(newest.series),
        label=kind.label,
        unit=kind.unit,
        value=newest.value,
        raw=newest.raw,
        at=newest.at,
        writable=settable,
    )


def _past(past: DeviceAtInstant, instant: datetime) -> PastOut:
    return PastOut(
        id=past.device,
        id_now=past.id_now,
        at=instant.astimezone(UTC),
        since=past.since,
        name=past.name,
        place=past.place,
        place_path=past.place_path,
        interval_s=past.interval_s,
        owner=past.owner,
        firmware=past.firmware,
        calibration=past.calibration,
        attributes=past.attributes,
    )
