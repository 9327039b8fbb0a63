"""What the doctor asks the running hub, over the control socket."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fastapi import APIRouter

from hub.database.database import Store
from hub.doctor import database
from hub.doctor.finding import Finding

__all__ = ["router"]


def router(store: Callable[[], Store], parts: Callable[[], Iterable[Finding]]) -> APIRouter:
    """The routes under /doctor; `parts` looks at the hub's own."""
    routes = APIRouter(prefix="/doctor")

    @routes.get("/database")
    async def of_database() -> list[dict[str, Any]]:
        return [finding.as_json() async for finding in database.examine(store())]

    @routes.get("/parts")
    async def of_parts() -> list[dict[str, Any]]:
        return [finding.as_json() for finding in parts()]

    return routes
