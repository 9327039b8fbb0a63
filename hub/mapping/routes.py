"""Reading the mapping file again, and trying messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from pydantic import BaseModel, Field

from hub.api.access import OPERATOR_ONLY
from hub.mapping.rehearsal import Rehearsed
from hub.mapping.rules import Mapping as Rules

__all__ = ["MappingOut", "RehearsedOut", "routes"]


class MappingOut(BaseModel):
    """What the mapping holds: names of presets and profiles, of devices, models and gateways."""

    presets: list[str]
    devices: list[str]
    models: list[str]
    profiles: list[str] = []
    gateways: list[str] = []


class MessageIn(BaseModel, extra="forbid"):
    """A message as a device would send it."""

    topic: str = Field(min_length=1, max_length=1024)
    payload: str = Field(max_length=65536)


class RehearsedLineOut(BaseModel, from_attributes=True):
    """One thing that a message says, and the command that would set it."""

    what: str
    says: str
    command: str


class RehearsedOut(BaseModel, from_attributes=True):
    """What a message would say, by the rules for its topic.

    `silent` are rules that found nothing, `unknown` members of the payload that no rule reads.
    """

    rules: list[str]
    says: list[RehearsedLineOut]
    silent: list[str]
    unknown: list[str]


def routes(
    reload_mapping: Callable[[], Awaitable[Rules]], rehearse: Callable[[str, bytes], Rehearsed]
) -> APIRouter:
    """/mapping/reload and /mapping/test."""
    router = APIRouter(prefix="/mapping", tags=["operator"], dependencies=[OPERATOR_ONLY])

    @router.post("/reload")
    async def reload() -> MappingOut:
        """Have the hub read its mapping file again; a file with faults changes nothing."""
        rules = await reload_mapping()
        return MappingOut(
            presets=list(rules.presets),
            devices=sorted(rules.devices),
            models=sorted(rules.models),
            profiles=sorted(rules.profiles),
            gateways=sorted(rules.gateways),
        )

    @router.post("/test")
    async def test(message: MessageIn) -> RehearsedOut:
        """What a message would say now; nothing is sent, shown or kept."""
        found = rehearse(message.topic, message.payload.encode())
        return RehearsedOut.model_validate(found)

    return router
