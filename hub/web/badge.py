"""How many notifications are open, for the menu of every page."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter

from hub.api.principal import Reader
from hub.services import Services

__all__ = ["BadgeOut", "router"]


@dataclass(frozen=True, slots=True)
class BadgeOut:
    """`open`: what goes on and nobody has acknowledged."""

    open: int


def router(services: Services) -> APIRouter:
    """GET /badge, asked by frame.js now and then: no page holds anything for it."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/badge")
    async def badge(principal: Reader) -> BadgeOut:
        found = await services.notifications.inbox(principal, only_open=True)
        return BadgeOut(sum(one.acknowledged_at is None for one in found))

    return routes
