"""What the command line may ask about the mapping, over the control socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException

from hub.errors import SettingsError
from hub.mapping.stored import configured

if TYPE_CHECKING:
    from hub.app import Hub

__all__ = ["router"]


def router(hub: Hub) -> APIRouter:
    """POST /mapping/reload."""
    routes = APIRouter(prefix="/mapping")

    @routes.post("/reload")
    async def reload() -> dict[str, Any]:
        settings = hub.settings
        try:
            rules = configured(settings.presets, settings.mapping)
        except SettingsError as error:
            raise HTTPException(422, f"{error}; the mapping stays as it was") from None
        if rules is None:
            raise HTTPException(
                409, "this hub was started without a mapping: set DORMOUSE_MAPPING, start it again"
            )
        await hub.mapping.reload(rules)
        await hub.mqtt.follow_mapping()
        return {
            "presets": list(rules.presets),
            "devices": sorted(rules.devices),
            "models": sorted(rules.models),
        }

    return routes
