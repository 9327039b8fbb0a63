"""Saved searches: listed, saved, removed; GET /devices?search= uses one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from hub.api.access import Read
from hub.api.parameters import Name, Number
from hub.searches.repository import SavedSearch
from hub.searches.service import SearchService

__all__ = ["routes"]


class SearchOut(BaseModel):
    """A question about devices under a name."""

    id: int
    name: str
    where: str
    shared: bool = Field(description="everybody's of the tenant; else one's own")
    made_by: str
    created: datetime


class NewSearch(BaseModel, extra="forbid"):
    """A question to save."""

    name: Name
    where: str = Field(
        max_length=1000,
        description="as in GET /devices?where=",
        examples=["$.battery_mv < 2700"],
    )
    shared: bool = Field(False, description="for everybody of the tenant: takes the scope write")


def routes(searches: SearchService) -> APIRouter:
    """The routes under /searches."""
    router = APIRouter(tags=["devices"])
    handlers = _Handlers(searches)
    router.get("/searches")(handlers.all)
    router.post("/searches", status_code=201)(handlers.save)
    router.delete("/searches/{number}", status_code=204)(handlers.remove)
    return router


class _Handlers:
    """What the routes do."""

    def __init__(self, searches: SearchService) -> None:
        self._searches = searches

    async def all(self, caller: Read) -> list[SearchOut]:
        """One's own searches and everybody's of the tenant, by name."""
        return [_out(one) for one in await self._searches.all(caller)]

    async def save(self, caller: Read, body: NewSearch) -> SearchOut:
        """Save a question under a name; GET /devices?search= asks it."""
        return _out(await self._searches.save(caller, body.name, body.where, shared=body.shared))

    async def remove(self, caller: Read, number: Annotated[Number, Path()]) -> None:
        """Forget a saved search: one's own, or with the scope write everybody's."""
        await self._searches.remove(caller, number)


def _out(one: SavedSearch) -> SearchOut:
    return SearchOut(
        id=one.id,
        name=one.name,
        where=one.path,
        shared=one.shared,
        made_by=one.made_by,
        created=one.created_at,
    )
