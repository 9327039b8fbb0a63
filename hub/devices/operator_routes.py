"""What an operator sees and does about devices: the status of all, and one in another's place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from contracts.homekit.definitions import INFORMATION
from hub.api.access import OPERATOR_ONLY, Operator
from hub.api.parameters import DeviceId, DeviceKey
from hub.devices.overview import DeviceOverview
from hub.devices.replace import Replacement
from hub.devices.service import DeviceService
from hub.homekit.bridge import Bridge
from hub.ingest.tenants import TenantIngest
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
    """A device as `dormouse status` shows it; `report` is its last $report as it came."""

    id: str
    name: str | None
    seen: datetime | None
    next_wake: datetime | None
    battery_mv: int | None
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
    ingest: TenantIngest,
    bridges: Callable[[], Mapping[str, Bridge]],
    problems: Problems,
    replacement: Replacement,
) -> APIRouter:
    """/status and /devices/{device}/replacement."""
    router = APIRouter(tags=["operator"], dependencies=[OPERATOR_ONLY])

    @router.get("/status")
    async def status(caller: Operator) -> StatusOut:
        """A tenant's devices with their newest values, and what became of readings."""
        tenant = caller.tenant
        bridge = bridges().get(tenant)
        names = bridge.names() if bridge else {}
        readings = ingest.of(tenant)
        return StatusOut(
            devices=[_device(one, names) for one in await devices.overview(tenant)],
            counts=dict(readings.counts),
            pending=readings.pending,
            problems=dict(problems.total),
        )

    @router.post("/devices/{device}/replacement")
    async def replace(caller: Operator, device: DeviceId, body: ReplacementIn) -> ReplacementOut:
        """Let another device take a broken one's place: its history goes on under the new id."""
        done = await replacement.replace(
            device, body.new, caller.name, keep_calibration=body.keep_calibration
        )
        return ReplacementOut.model_validate(done, from_attributes=True)

    return router


def _device(device: DeviceOverview, names: Mapping[str, str]) -> DeviceStatus:
    return DeviceStatus(
        id=device.device,
        name=names.get(device.device),
        seen=device.seen_at,
        next_wake=device.next_wake_at,
        battery_mv=device.battery_mv,
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
