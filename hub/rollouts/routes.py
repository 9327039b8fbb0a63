"""Rollouts of firmware and settings: plan, start, watch, pause, resume, abort."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from hub.api.access import Read, Update
from hub.api.parameters import DeviceKey
from hub.api.principal import Principal
from hub.live import Live, LiveChange
from hub.rollouts.service import RolloutRequest, Rollouts
from hub.rollouts.view import RolloutView

__all__ = ["routes"]

# Without an upper bound: a number that is too large is one that there is not.
RolloutNumber = Annotated[int, Path(ge=0, description="the rollout's number")]


class StreamOut(BaseModel):
    """How far a stream to a device has come, in bytes; `seconds_left` as far as that is known."""

    phase: str
    done: int
    total: int
    rate: float | None
    seconds_left: float | None
    restarts: int


class RolloutDeviceOut(BaseModel):
    """Where a device stands; `expected_at` null: nobody knows when it will be done."""

    device: str
    wave: int
    state: str
    reason: str
    attempts: int
    command: int | None
    since: datetime
    not_before: datetime | None
    heard_at: datetime | None
    firmware: str | None
    battery_mv: int | None
    health: str
    health_reason: str
    expected_at: datetime | None
    expected_sure: bool
    progress: StreamOut | None


class RolloutOut(BaseModel):
    """A rollout without its devices; `id` 0 is a plan."""

    id: int
    kind: str
    target: dict[str, Any] = Field(description="secrets are masked")
    text: str
    phase: str
    reason: str
    wave: int
    waves: int
    counts: dict[str, int] = Field(description="devices by state")
    created_at: datetime
    created_by: str
    done_at: datetime | None
    options: dict[str, Any]


class RolloutWhole(RolloutOut):
    """A rollout with its devices by wave."""

    devices: list[RolloutDeviceOut]


class EventOut(BaseModel):
    """One step: of a device, or of the rollout (`device` null)."""

    id: int
    at: datetime
    what: str
    device: str | None
    before: str | None
    after: str | None
    reason: str | None
    command: int | None


def routes(rollouts: Rollouts, live: Live) -> APIRouter:
    """The routes under /rollouts."""
    router = APIRouter(prefix="/rollouts", tags=["rollouts"])
    handlers = _Handlers(rollouts, live)
    router.get("")(handlers.latest)
    router.post("/plan")(handlers.plan)
    router.post("", status_code=201)(handlers.start)
    router.get("/{number:int}")(handlers.status)
    router.get("/{number:int}/history")(handlers.history)
    router.post("/{number:int}/pause")(handlers.pause)
    router.post("/{number:int}/resume")(handlers.resume)
    router.post("/{number:int}/abort")(handlers.abort)
    return router


class _Handlers:
    """What the routes do."""

    def __init__(self, rollouts: Rollouts, live: Live) -> None:
        self._rollouts, self._live = rollouts, live

    async def latest(self, caller: Read) -> list[RolloutOut]:
        """The last 50 rollouts, the newest first."""
        views = await self._rollouts.latest(caller.tenant)
        return [RolloutOut.model_validate(view.json()) for view in views]

    async def plan(self, caller: Read, body: RolloutRequest) -> RolloutWhole:
        """What a rollout would do, and when each device should be done; nothing is started."""
        return _whole(await self._rollouts.plan(caller.tenant, body, caller.name))

    async def start(self, caller: Update, body: RolloutRequest) -> RolloutWhole:
        """Start a rollout of firmware (`version` or `image`) or `settings`."""
        view = await self._rollouts.start(caller.tenant, body, caller.name)
        return self._changed(caller, view)

    async def status(self, caller: Read, number: RolloutNumber) -> RolloutWhole:
        """Where a rollout and each of its devices stand."""
        return _whole(await self._rollouts.status(caller.tenant, number))

    async def history(
        self,
        caller: Read,
        number: RolloutNumber,
        after: Annotated[int, Query(ge=0, le=2**63 - 1, description="events beyond that id")] = 0,
        device: Annotated[DeviceKey | None, Query()] = None,
    ) -> list[EventOut]:
        """Every step of a rollout, the oldest first, 10,000 at most."""
        events = await self._rollouts.history(caller.tenant, number, since=after, device=device)
        return [EventOut.model_validate(event) for event in events]

    async def pause(self, caller: Update, number: RolloutNumber) -> RolloutWhole:
        """No new commands; those that are out are taken back, who is in the middle is finished."""
        view = await self._rollouts.pause(caller.tenant, number, caller.name)
        return self._changed(caller, view)

    async def resume(self, caller: Update, number: RolloutNumber) -> RolloutWhole:
        """Go on after a pause or a halt, whose failures are looked past."""
        return self._changed(
            caller, await self._rollouts.resume(caller.tenant, number, caller.name)
        )

    async def abort(self, caller: Update, number: RolloutNumber) -> RolloutWhole:
        """End it: who has not taken the command is skipped, who is in the middle is finished."""
        view = await self._rollouts.abort(caller.tenant, number, caller.name)
        return self._changed(caller, view)

    def _changed(self, caller: Principal, view: RolloutView) -> RolloutWhole:
        self._live.publish(caller.tenant, LiveChange("rollout", str(view.rollout.id)))
        return _whole(view)


def _whole(view: RolloutView) -> RolloutWhole:
    return RolloutWhole.model_validate(view.json())
