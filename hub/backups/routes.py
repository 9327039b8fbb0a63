"""/backups: what there is, how the last ones went; one made or tried now."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from hub.api.access import OPERATOR_ONLY
from hub.backups.model import BackupName, BackupTrouble, DrillResult, Failure, GoodBackup
from hub.backups.service import BackupService

__all__ = ["BackupsOut", "routes"]


class BackupOut(BaseModel):
    """A backup at the target: whose (8 hex digits), when it was made by that hub's clock."""

    name: str
    hub: str
    ours: bool
    at: datetime
    encrypted: bool


class BackupsOut(BaseModel):
    """The hub's backups; `problem` says why those at the target cannot be listed."""

    where: str
    by_itself: bool = Field(description="whether one is made every day")
    trouble: BackupTrouble | None
    doing: str = Field(description="what is done just now, empty when nothing is")
    next_at: datetime | None
    last_good: GoodBackup | None
    failure: Failure | None
    drill: DrillResult | None
    waiting: list[str] = Field(description="in the data folder, still to be taken to the target")
    there: list[BackupOut]
    problem: str


def routes(backups: BackupService) -> APIRouter:
    """/backups, of all tenants together: for operators."""
    router = APIRouter(prefix="/backups", tags=["operator"], dependencies=[OPERATOR_ONLY])

    @router.get("")
    async def all_of_them() -> BackupsOut:
        """What there is at the target, how the last backup and the last drill went."""
        return await _seen(backups)

    @router.post("", status_code=202)
    async def make() -> BackupsOut:
        """Begin to make one now; `doing` is empty when it is done."""
        backups.begin()
        return await _told(backups)

    @router.post("/drill", status_code=202)
    async def drill() -> BackupsOut:
        """Begin to restore the newest beside, and to compare; nothing else changes."""
        backups.begin_drill()
        return await _told(backups)

    @router.get("/state")
    async def state() -> BackupsOut:
        """The same without asking the target what there is."""
        return await _told(backups)

    return router


async def _seen(backups: BackupService) -> BackupsOut:
    if not backups.ours:
        return await _told(backups)
    there, problem = await backups.seen()
    told = await _told(backups)
    return told.model_copy(
        update={"there": [_out(one, backups.hub) for one in there], "problem": problem}
    )


async def _told(backups: BackupService) -> BackupsOut:
    state = backups.state
    return BackupsOut(
        where=backups.where,
        by_itself=backups.by_itself,
        trouble=backups.trouble,
        doing=backups.doing,
        next_at=backups.next_at,
        last_good=state.last_good,
        failure=state.failure,
        drill=state.drill,
        waiting=state.waiting,
        there=[],
        problem="",
    )


def _out(name: BackupName, hub: str) -> BackupOut:
    return BackupOut(
        name=str(name),
        hub=name.hub,
        ours=name.hub == hub,
        at=name.at,
        encrypted=name.encrypted,
    )
