"""How devices are: why one is silent, what is wanted of its settings and what it runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from hub.api.access import Read, Write
from hub.api.parameters import DeviceId
from hub.device_settings.control import shown
from hub.explain.control import as_json
from hub.explain.problems import explain_device, problems
from hub.live import LiveChange

__all__ = ["routes"]

routes = APIRouter(tags=["devices"])


class SentenceOut(BaseModel):
    """A fact in words; `level` is fine, warning or bad."""

    at: datetime
    kind: str
    text: str
    level: str


class ExplanationOut(BaseModel):
    """What there is to say of a device; `chain` the newest first."""

    device: str
    name: str | None
    headline: SentenceOut
    chain: list[SentenceOut]


class ProblemOut(SentenceOut):
    """What is wrong with a device, in a sentence."""

    device: str
    name: str | None


class SettingsOut(BaseModel):
    """What is wanted (secrets masked), and which version of it the device says it runs."""

    device: str
    wanted: dict[str, Any]
    version: int | None
    wanted_at: datetime | None
    reported: int | None
    reported_at: datetime | None
    problem: str | None
    waiting: bool


class SettingsIn(BaseModel, extra="forbid"):
    """Settings to want besides those wanted before; null: no longer."""

    settings: dict[str, Any] = Field(min_length=1, max_length=100)


@routes.get("/problems")
async def every_problem(asked: Read) -> list[ProblemOut]:
    """What is wrong in the tenant, the worst first."""
    return [
        ProblemOut(
            device=found.device,
            name=found.name,
            at=found.at,
            kind=found.kind,
            text=found.text,
            level=found.level.name.lower(),
        )
        for found in await problems(asked.hub, asked.tenant)
    ]


@routes.get("/devices/{device}/explain")
async def explain(asked: Read, device: DeviceId) -> ExplanationOut:
    """Why a device is as it is: silent, late, not updated, or fine."""
    found = await explain_device(asked.hub, asked.tenant, device)
    return ExplanationOut.model_validate(as_json(found))


@routes.get("/devices/{device}/settings")
async def settings(asked: Read, device: DeviceId) -> SettingsOut:
    """What is wanted of a device's settings, and whether it runs that."""
    configs = asked.hub.configs.of(asked.tenant)
    return SettingsOut.model_validate(shown(await configs.state(device)))


@routes.patch("/devices/{device}/settings")
async def want(asked: Write, device: DeviceId, wanted: SettingsIn) -> SettingsOut:
    """Want settings of a device; one that sleeps takes them at its next wake."""
    configs = asked.hub.configs.of(asked.tenant)
    await configs.want(device, wanted.settings, who=asked.principal.name, why="wanted by the API")
    asked.hub.live.publish(asked.tenant, LiveChange("settings", device))
    return SettingsOut.model_validate(shown(await configs.state(device)))
