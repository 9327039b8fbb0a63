"""What the doctor asks the running hub, over the control socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

from hub.database.database import Database
from hub.doctor import database

__all__ = ["router"]


def router(store: Callable[[], Database]) -> APIRouter:
    """The routes under /doctor."""
    routes = APIRouter(prefix="/doctor")

    @routes.get("/database")
    async def of_database() -> list[dict[str, Any]]:
        return [finding.as_json() async for finding in database.examine(store())]

    return routes
