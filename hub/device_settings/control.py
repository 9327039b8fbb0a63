"""What the command line may ask about wanted settings, over the control socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from hub.device_settings.configs import ConfigState
from hub.device_settings.errors import ConfigError
from hub.devices.known import DeviceUnknownError

if TYPE_CHECKING:
    from hub.app import Hub

__all__ = ["router", "shown"]


class Wanted(BaseModel):
    """Settings to want of a device; null wants one no longer."""

    # Checked by hub.device_settings.schema, whose errors never repeat a secret as pydantic's would.
    settings: dict[str, Any]
    who: str = Field("dormouse config", min_length=1, max_length=100)
    why: str = Field("settings wanted", min_length=1, max_length=200)


def router(hub: Hub) -> APIRouter:
    """The routes under /config."""
    routes = APIRouter(prefix="/config")

    @routes.get("/{device}")
    async def show(device: str) -> dict[str, Any]:
        configs = hub.configs.of(hub.mqtt.tenant_of(device))
        try:
            state = await configs.state(device)
        except DeviceUnknownError as error:
            raise HTTPException(404, str(error)) from None
        history = await configs.history(device)
        return {
            **shown(state),
            "history": [
                {
                    "version": version.version,
                    "settings": version.settings,
                    "at": version.at.isoformat(),
                    "who": version.who,
                    "why": version.why,
                    "reported_at": version.reported_at and version.reported_at.isoformat(),
                    "problem": version.problem,
                }
                for version in history
            ],
        }

    @routes.post("/{device}")
    async def want(device: str, wanted: Wanted) -> dict[str, Any]:
        configs = hub.configs.of(hub.mqtt.tenant_of(device))
        try:
            await configs.want(device, wanted.settings, who=wanted.who, why=wanted.why)
            return shown(await configs.state(device))
        except ConfigError as error:
            raise HTTPException(422, str(error)) from None
        except DeviceUnknownError as error:
            raise HTTPException(404, str(error)) from None

    return routes


def shown(state: ConfigState) -> dict[str, Any]:
    """A state as JSON."""
    return {
        "device": state.device,
        "wanted": dict(state.wanted),
        "version": state.version,
        "wanted_at": state.wanted_at and state.wanted_at.isoformat(),
        "reported": state.reported,
        "reported_at": state.reported_at and state.reported_at.isoformat(),
        "problem": state.problem,
        "waiting": state.waiting,
    }
