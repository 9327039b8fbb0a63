"""Whether the hub is up, and honest about what it needs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from hub.database.errors import DatabaseAwayError
from hub.mqtt.source import MqttSource
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["HealthOut", "router"]

# Whoever asks the hub's health no expiry must not ask the database each time.
_REMEMBERED_S = 1.0
_PATIENCE_S = 2.0

Part = Literal["ok", "away"]


class HealthOut(BaseModel):
    """`status` is ok when all is; `stopped` are the roles of which a part does not run just now."""

    status: Literal["ok", "degraded"]
    database: Part
    broker: Part
    stopped: list[PartRole]


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
    ping: Callable[[], Awaitable[None]], source: MqttSource, supervisor: Supervisor
) -> APIRouter:
    """GET /healthz: 200 when readings can be taken and kept, 503 when not. Nobody need log in.

    `ping` raises DatabaseAwayError while the database is away. What else does not run (rollouts,
    HomeKit, pages) makes it degraded, with 200.
    """
    routes = APIRouter()
    pulse = _Pulse(ping)

    @routes.get("/healthz", responses={503: {"model": HealthOut}})
    async def healthz(response: Response) -> HealthOut:
        database = await pulse.database()
        connected = source.connected.is_set()
        stopped = supervisor.failed()
        takes = database == "ok" and connected and PartRole.INTAKE not in stopped
        if not takes:
            response.status_code = 503
        response.headers["Cache-Control"] = "no-store"
        return HealthOut(
            status="ok" if takes and not stopped else "degraded",
            database=database,
            broker="ok" if connected else "away",
            stopped=sorted(stopped),
        )

    return routes
