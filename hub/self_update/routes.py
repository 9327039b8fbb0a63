"""Which version of the hub runs, and what came of its last update."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from hub.api.access import Read
from hub.self_update.model import UpdatePhase
from hub.self_update.service import RunningVersion, SelfUpdate

__all__ = ["routes"]


class HubUpdateOut(BaseModel):
    """What came of the last update: in one line why it was not healthy, and what was kept."""

    version: str
    release: str
    who: str
    healthy: bool
    reason: str
    kept: str


class HubVersionOut(BaseModel):
    """What runs: `version` is empty for the one that was installed on the machine."""

    release: str
    version: str
    enabled: bool = Field(description="whether hooks may update this hub")
    why_not: str
    phase: UpdatePhase
    last: HubUpdateOut | None


def routes(updates: SelfUpdate) -> APIRouter:
    """GET /update."""
    router = APIRouter(tags=["update"])

    @router.get("/update")
    async def update(_: Read) -> HubVersionOut:
        """The hub's version, and its last update by a hook."""
        return _shown(updates.running())

    return router


def _shown(running: RunningVersion) -> HubVersionOut:
    last = running.outcome
    return HubVersionOut(
        release=running.release,
        version=running.version,
        enabled=running.enabled,
        why_not=running.why_not,
        phase=running.phase,
        last=last
        and HubUpdateOut(
            version=last.version,
            release=last.release,
            who=last.who,
            healthy=last.healthy,
            reason=last.reason,
            kept=last.kept,
        ),
    )
