"""Reading the mapping file again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from pydantic import BaseModel

from hub.api.access import OPERATOR_ONLY
from hub.mapping.rules import Mapping as Rules

__all__ = ["MappingOut", "routes"]


class MappingOut(BaseModel):
    """What the mapping holds: names of presets, ids of devices, names of models."""

    presets: list[str]
    devices: list[str]
    models: list[str]


def routes(reload_mapping: Callable[[], Awaitable[Rules]]) -> APIRouter:
    """/mapping/reload."""
    router = APIRouter(prefix="/mapping", tags=["operator"], dependencies=[OPERATOR_ONLY])

    @router.post("/reload")
    async def reload() -> MappingOut:
        """Have the hub read its mapping file again; a file with faults changes nothing."""
        rules = await reload_mapping()
        return MappingOut(
            presets=list(rules.presets), devices=sorted(rules.devices), models=sorted(rules.models)
        )

    return router
