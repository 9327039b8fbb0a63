"""What the command line may ask about rollouts, over the control socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from hub.database.errors import PathError, PathTooSlowError, UnknownTenantError
from hub.device_settings.errors import ConfigError
from hub.devices.known import DeviceUnknownError
from hub.errors import HubError
from hub.firmware.errors import FirmwareError, UnknownFirmwareError
from hub.rollouts.errors import DeviceBusyError, RolloutError, UnknownRolloutError, WrongPhaseError
from hub.rollouts.service import Request, Rollouts
from hub.rollouts.view import View

__all__ = ["router"]

T = TypeVar("T")

_STATUS: dict[type[HubError], int] = {
    UnknownRolloutError: 404,
    UnknownFirmwareError: 404,
    UnknownTenantError: 404,
    DeviceUnknownError: 404,
    DeviceBusyError: 409,
    WrongPhaseError: 409,
}
_REFUSED = (
    RolloutError, FirmwareError, ConfigError, DeviceUnknownError, PathError, PathTooSlowError,
    UnknownTenantError,
)  # fmt: skip


class Wanted(BaseModel):
    """A rollout to plan or to start."""

    request: dict[str, Any]
    who: str = Field("dormouse rollout", min_length=1, max_length=100)


class Who(BaseModel):
    """Who asks."""

    who: str = Field("dormouse rollout", min_length=1, max_length=100)


def router(rollouts: Callable[[], Rollouts], own: str) -> APIRouter:
    """The routes under /rollouts; `own` is the tenant meant where a request names none."""
    routes = APIRouter(prefix="/rollouts")

    @routes.post("/plan")
    async def plan(wanted: Wanted, tenant: str | None = None) -> dict[str, Any]:
        return (await _answered(lambda: _plan(rollouts(), tenant or own, wanted))).json()

    @routes.post("")
    async def start(wanted: Wanted, tenant: str | None = None) -> dict[str, Any]:
        return (await _answered(lambda: _start(rollouts(), tenant or own, wanted))).json()

    @routes.get("")
    async def latest(tenant: str | None = None) -> list[dict[str, Any]]:
        found = await _answered(lambda: rollouts().latest(tenant or own))
        return [{k: v for k, v in view.json().items() if k != "devices"} for view in found]

    @routes.get("/{number}")
    async def status(number: int, tenant: str | None = None) -> dict[str, Any]:
        return (await _answered(lambda: rollouts().status(tenant or own, number))).json()

    @routes.get("/{number}/history")
    async def history(
        number: int, tenant: str | None = None, since: int = 0, device: str | None = None
    ) -> list[dict[str, Any]]:
        found = await _answered(
            lambda: rollouts().history(tenant or own, number, since=since, device=device)
        )
        return [{**event, "at": event["at"].isoformat()} for event in found]

    @routes.post("/{number}/{what}")
    async def act(
        number: int,
        what: Literal["pause", "resume", "abort"],
        by: Who | None = None,
        tenant: str | None = None,
    ) -> dict[str, Any]:
        do = {
            "pause": rollouts().pause, "resume": rollouts().resume, "abort": rollouts().abort,
        }[what]  # fmt: skip
        who = (by or Who()).who
        return (await _answered(lambda: do(tenant or own, number, who))).json()

    return routes


async def _plan(rollouts: Rollouts, tenant: str, wanted: Wanted) -> View:
    return await rollouts.plan(tenant, Request.read(wanted.request), wanted.who)


async def _start(rollouts: Rollouts, tenant: str, wanted: Wanted) -> View:
    return await rollouts.start(tenant, Request.read(wanted.request), wanted.who)


async def _answered(step: Callable[[], Awaitable[T]]) -> T:
    try:
        return await step()
    except _REFUSED as error:
        raise HTTPException(_STATUS.get(type(error), 422), str(error)) from None
