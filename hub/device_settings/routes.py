"""Settings of devices: which are desired, and whether the device runs them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from hub.api.access import Operator, Read, Write
from hub.api.parameters import DeviceId
from hub.device_settings.configs import SettingsState
from hub.device_settings.service import SettingsService
from hub.live import Live, LiveChange

__all__ = ["SettingsOut", "routes"]


class SettingsOut(BaseModel):
    """The desired settings (secrets masked), and which version of them the device says it runs."""

    device: str
    desired: dict[str, Any]
    version: int | None
    desired_at: datetime | None
    reported: int | None
    reported_at: datetime | None
    problem: str | None
    waiting: bool

    @classmethod
    def of(cls, state: SettingsState) -> SettingsOut:
        """A state as the API gives it."""
        return cls(
            device=state.device,
            desired=dict(state.desired),
            version=state.version,
            desired_at=state.desired_at,
            reported=state.reported,
            reported_at=state.reported_at,
            problem=state.problem,
            waiting=state.waiting,
        )


class SettingsIn(BaseModel, extra="forbid"):
    """Settings to desire besides those desired before; null: no longer."""

    # Checked by hub.device_settings.schema, whose errors never repeat a secret as pydantic's would.
    settings: dict[str, Any] = Field(min_length=1, max_length=100)


class SettingsVersionOut(BaseModel):
    """What was desired of a device at some time, secrets masked."""

    version: int
    settings: dict[str, Any]
    at: datetime
    who: str
    why: str
    reported_at: datetime | None
    problem: str | None


def routes(settings: SettingsService, live: Live) -> APIRouter:
    """The routes under /devices/{device}/settings."""
    router = APIRouter(prefix="/devices/{device}/settings", tags=["devices"])

    @router.get("")
    async def show(caller: Read, device: DeviceId) -> SettingsOut:
        """A device's desired settings, and whether it runs them."""
        return SettingsOut.of(await settings.of(caller.tenant).state(device))

    @router.patch("")
    async def change(caller: Write, device: DeviceId, body: SettingsIn) -> SettingsOut:
        """Change the desired settings; a device that sleeps takes them up at its next wake."""
        await settings.change(
            caller.tenant, device, body.settings, who=caller.name, why="settings changed"
        )
        live.publish(caller.tenant, LiveChange("settings", device))
        return SettingsOut.of(await settings.of(caller.tenant).state(device))

    @router.get("/versions")
    async def versions(caller: Operator, device: DeviceId) -> list[SettingsVersionOut]:
        """Every version of a device's settings, the newest first."""
        configs = settings.of(caller.tenant)
        await configs.state(device)  # refuses what is no device
        return [
            SettingsVersionOut.model_validate(version, from_attributes=True)
            for version in await configs.history(device)
        ]

    return router
