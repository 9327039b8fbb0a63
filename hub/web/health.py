"""Whether the hub is up, and honest about what it needs."""

from __future__ import annotations

import asyncio
import time
from typing import Literal

import psycopg
from fastapi import APIRouter, Response
from psycopg_pool import PoolTimeout
from pydantic import BaseModel

from hub.database.database import Store
from hub.mqtt.source import MqttSource

__all__ = ["Health", "router"]

# Whoever asks the hub's health without an end must not ask the database each time.
_KEPT_S = 1.0
_PATIENCE_S = 2.0

Part = Literal["ok", "away"]


class Health(BaseModel):
    """`status` is ok when all parts are."""

    status: Literal["ok", "degraded"]
    database: Part
    broker: Part


class _Pulse:
    """What was last found, for a moment."""

    def __init__(self, store: Store) -> None:
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
            async with (
                asyncio.timeout(_PATIENCE_S),
                self._store.nobody() as conn,
            ):
                await conn.execute("SELECT 1")
        except (psycopg.Error, PoolTimeout, TimeoutError, OSError):
            return "away"
        return "ok"


def router(store: Store, source: MqttSource) -> APIRouter:
    """GET /healthz: 200 when readings can be taken and kept, 503 when not. Nobody need log in."""
    routes = APIRouter()
    pulse = _Pulse(store)

    @routes.get("/healthz", responses={503: {"model": Health}})
    async def healthz(response: Response) -> Health:
        database = await pulse.database()
        connected = source.connected.is_set()
        good = database == "ok" and connected
        if not good:
            response.status_code = 503
        response.headers["Cache-Control"] = "no-store"
        return Health(
            status="ok" if good else "degraded",
            database=database,
            broker="ok" if connected else "away",
        )

    return routes
