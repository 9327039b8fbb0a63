"""What an operator sees and does about devices: the status of all, and one in another's place."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from contracts.homekit.definitions import INFORMATION
from hub.api.access import OPERATOR_ONLY, Operator
from hub.api.parameters import DeviceId, DeviceKey, Name
from hub.devices.naming import Naming
from hub.devices.overview import DeviceOverview
from hub.devices.replace import Replacement
from hub.devices.service import DeviceService
from hub.homekit.service import HomeKitService
from hub.ingest.tenants import TenantIngest
from hub.mqtt.elsewhere import StoredElsewhere
from hub.runtime.problems import Problems

__all__ = ["routes"]


class StatusValue(BaseModel):
    """The newest value of a series: `value` calibrated, `raw` as measured."""

    service: str
    index: int
    characteristic: str
    value: bool | int | float | str
    raw: bool | int | float | str
    at: datetime


class DeviceStatus(BaseModel):
    """A device as `dormouse status` shows it; `report` is its last $report as it came.

    `battery_percent` is what it said itself, null for one that says none.
    """

    id: str
    name: str | None
    place_path: list[str] = Field(description="from the outside in; empty: it is nowhere")
    seen: datetime | None
    next_wake: datetime | None
    battery_mv: int | None
    battery_percent: float | None
    report: dict[str, Any] | None
    values: list[StatusValue]


class StatusOut(BaseModel):
    """A tenant's devices, and how its readings fare since the hub started.

    `counts`: readings by what became of them; `pending`: not committed yet; `problems`: messages
    refused, of all tenants, by kind.
    """

    devices: list[DeviceStatus]
    counts: dict[str, int]
    pending: int
    problems: dict[str, int]


class NamedDeviceOut(BaseModel):
    """The device that is meant by a name."""

    id: str
    name: str = Field(description="empty: it has none")
    place_path: list[str] = Field(description="from the outside in; empty: it is nowhere")
    tenant: str


class ReplacementIn(BaseModel, extra="forbid"):
    """The device that takes the place."""

    new: DeviceKey
    keep_calibration: bool = Field(
        False, description="it holds for the new chip too; otherwise it ends with the old one"
    )


class ReplacementOut(BaseModel):
    """`apart` names what is kept of what `new` measured before, null: it had measured nothing.

    `homekit`: whether Apple Home showed `old`; `shut_out`: whether `old` had an account, which is
    disabled now. `ended`: the series whose calibration ended with the old chip.
    """

    old: str
    new: str
    apart: str | None
    homekit: bool
    shut_out: bool
    ended: list[str]


def routes(
    devices: DeviceService,
    *,
    ingest: TenantIngest | StoredElsewhere,
    homekit: HomeKitService,
    problems: Problems,
    replacement: Replacement,
    naming: Naming,
) -> APIRouter:
    """/status, /which-device and /devices/{device}/replacement."""
    router = APIRouter(tags=["operator"], dependencies=[OPERATOR_ONLY])

    async def names_of(tenant: str) -> dict[str, str]:
        # What Apple Home calls one that nobody named is what people see of it.
        return {**homekit.names(tenant), **await naming.names(tenant)}

    @router.get("/status")
    async def status(caller: Operator) -> StatusOut:
        """A tenant's devices with their newest values, and what became of readings."""
        tenant = caller.tenant
        names = await names_of(tenant)
        readings = ingest.of(tenant)
        places = await devices.place_paths(tenant)
        return StatusOut(
            devices=[
                _device(one, names.get(one.device), places.get(one.device, []))
                for one in await devices.overview(tenant)
            ],
            counts=dict(readings.counts),
            pending=readings.pending,
            problems=dict(problems.total),
        )

    @router.get("/which-device")
    async def which_device(caller: Operator, name: Annotated[Name, Query()]) -> NamedDeviceOut:
        """The device with that id or name, or with its places in front: `House / Cellar`.

        Of the tenant named; else of the hub's own, and of the others where that has none. Capitals
        and accents may differ where nothing else fits. 409 lists the candidates where several are
        called so.
        """
        tenants = list(caller.tenants)
        if not tenants:
            others = sorted(set(await devices.all_tenants()) - {caller.tenant})
            tenants = [caller.tenant, *others]
        found = await devices.named(name, tenants, names_of)
        return NamedDeviceOut(
            id=found.id, name=found.name, place_path=list(found.place), tenant=found.tenant
        )

    @router.post("/devices/{device}/replacement")
    async def replace(caller: Operator, device: DeviceId, body: ReplacementIn) -> ReplacementOut:
        """Let another device take a broken one's place: its history goes on under the new id."""
        done = await replacement.replace(
            device, body.new, caller.name, keep_calibration=body.keep_calibration
        )
        return ReplacementOut.model_validate(done, from_attributes=True)

    return router


def _device(device: DeviceOverview, name: str | None, place: list[str]) -> DeviceStatus:
    percent = [v.value for v in device.values if v.series.characteristic == "BatteryLevel"]
    return DeviceStatus(
        id=device.device,
        name=name,
        place_path=place,
        seen=device.seen_at,
        next_wake=device.next_wake_at,
        battery_mv=device.battery_mv,
        battery_percent=next((v for v in percent if isinstance(v, int | float)), None),
        report=device.report,
        values=[
            StatusValue(
                service=value.series.service,
                index=value.series.index,
                characteristic=value.series.characteristic,
                value=value.value,
                raw=value.raw,
                at=value.at,
            )
            for value in device.values
            if value.series.service != INFORMATION
        ],
    )
