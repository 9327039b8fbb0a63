"""Whether the hub is up, and honest about what it needs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from hub.api.query import refuse_unknown_parameters
from hub.backups.model import BackupTrouble
from hub.database.errors import DatabaseAwayError
from hub.mqtt.delivery import LinkedSource
from hub.runtime.disk import DiskRoom, room
from hub.runtime.listening import is_here
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["HealthOut", "router"]

# Whoever asks the hub's health no expiry must not ask the database each time.
_REMEMBERED_S = 1.0
_PATIENCE_S = 2.0

Part = Literal["ok", "away"]


class HealthOut(BaseModel):
    """`status` is ok when all is; `stopped` are the roles of which a part does not run just now.

    `backup` says that the last one failed, that there is none of late, or that it does not restore.
    `address` is named while this machine does not have the one that it is to listen on, `disk`
    while that of the data folder is full, or nearly; `notifications` while a channel of everybody's
    takes no messages (of the hub's own tenant).
    """

    status: Literal["ok", "degraded"]
    database: Part
    broker: Part
    stopped: list[PartRole]
    address: Literal["away"] | None = None
    disk: DiskRoom | None = None
    backup: BackupTrouble | None = None
    notifications: Literal["failing"] | None = None


class _Pulse:
    """Whether the database was there, remembered for a moment."""

    def __init__(self, ping: Callable[[], Awaitable[None]]) -> None:
        self._ping = ping
        self._at = -_REMEMBERED_S
        self._database: Part = "away"
        self._asking = asyncio.Lock()

    async def database(self) -> Part:
        async with self._asking:
            if time.monotonic() - self._at >= _REMEMBERED_S:
                self._database = await self._ask()
                self._at = time.monotonic()
            return self._database

    async def _ask(self) -> Part:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._ping()
        except (DatabaseAwayError, TimeoutError):
            return "away"
        return "ok"


def router(
    ping: Callable[[], Awaitable[None]],
    source: LinkedSource,
    supervisor: Supervisor,
    data_dir: Path,
    host: str = "",
    *,
    backup_trouble: Callable[[], BackupTrouble | None] = lambda: None,
    channels_fail: Callable[[], bool] = lambda: False,
) -> APIRouter:
    """GET /healthz: 200 when readings can be taken and kept, 503 when not. Nobody need log in.

    `ping` raises DatabaseAwayError while the database is away; `host` is listened on; a full disk
    with `data_dir` keeps nothing. What else does not run (rollouts, HomeKit, pages), an address
    that is missing, a disk that is nearly full, backups or notifications that fail make it
    degraded, with 200.
    """
    routes = APIRouter(dependencies=[Depends(refuse_unknown_parameters)])
    pulse = _Pulse(ping)

    @routes.get("/healthz", response_model_exclude_none=True, responses={503: {"model": HealthOut}})
    async def healthz(response: Response) -> HealthOut:
        database = await pulse.database()
        connected = source.connected.is_set()
        stopped = supervisor.failed()
        here, disk, backup = is_here(host), room(data_dir), backup_trouble()
        failing = channels_fail()
        takes = database == "ok" and connected and PartRole.INTAKE not in stopped
        takes = takes and disk is not DiskRoom.FULL
        if not takes:
            response.status_code = 503
        sound = takes and here and not stopped and disk is DiskRoom.OK
        sound = sound and backup is None and not failing
        response.headers["Cache-Control"] = "no-store"
        return HealthOut(
            status="ok" if sound else "degraded",
            database=database,
            broker="ok" if connected else "away",
            stopped=sorted(stopped),
            address=None if here else "away",
            disk=None if disk is DiskRoom.OK else disk,
            backup=backup,
            notifications="failing" if failing else None,
        )

    return routes
