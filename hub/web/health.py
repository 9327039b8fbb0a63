"""Whether the hub is up, and honest about what it needs."""

from __future__ import annotations

import asyncio
import time
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from hub.database.database import Database
from hub.database.errors import DatabaseAwayError
from hub.mqtt.source import MqttSource
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["Health", "router"]

# Whoever asks the hub's health without an end must not ask the database each time.
_KEPT_S = 1.0
_PATIENCE_S = 2.0

Part = Literal["ok", "away"]


class Health(BaseModel):
    """`status` is ok when all is; `stopped` are the roles of which a part does not run just now."""

    status: Literal["ok", "degraded"]
    database: Part
    broker: Part
    stopped: list[PartRole]


class _Pulse:
    """What was last found, for a moment."""

    def __init__(self, store: Database) -> None:
        self._store = store
        self._at = -_KEPT_S
        self._database: Part = "away"
        self._asking = asyncio.Lock()

    async def database(self) -> Part:
        async with self._asking:
            if time.monotonic() - self._at >= _KEPT_S:
                self._database = await self._ask()
                self._at = time.monotonic()
            return self._database

    async def _ask(self) -> Part:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._store.ping()
        except (DatabaseAwayError, TimeoutError):
            return "away"
        return "ok"


def router(store: Database, source: MqttSource, supervisor: Supervisor) -> APIRouter:
    """GET /healthz: 200 when readings can be taken and kept, 503 when not. Nobody need log in.

    What else does not run (rollouts, HomeKit, pages) makes it degraded, with 200.
    """
    routes = APIRouter()
    pulse = _Pulse(store)

    @routes.get("/healthz", responses={503: {"model": Health}})
    async def healthz(response: Response) -> Health:
        database = await pulse.database()
        connected = source.connected.is_set()
        stopped = supervisor.failed()
        takes = database == "ok" and connected and PartRole.INTAKE not in stopped
        if not takes:
            response.status_code = 503
        response.headers["Cache-Control"] = "no-store"
        return Health(
            status="ok" if takes and not stopped else "degraded",
            database=database,
            broker="ok" if connected else "away",
            stopped=sorted(stopped),
        )

    return routes
