"""Everything that the HTTP port serves, from the application itself: nothing can be forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, FastAPI, Query
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from starlette.routing import Mount

from hub.api.access import OPERATOR_ONLY

if TYPE_CHECKING:
    from hub.web.site import Site

__all__ = ["routes", "served"]


class RouteOut(BaseModel):
    """Something that is served; the path with {parameters} as they were declared."""

    method: str
    path: str


def routes(site: Site) -> APIRouter:
    """/routes."""
    router = APIRouter(tags=["operator"], dependencies=[OPERATOR_ONLY])

    @router.get("/routes")
    async def every_route(
        pages: Annotated[bool, Query(description="with pages, which are loaded for it")] = True,
    ) -> list[RouteOut]:
        """Method and path of everything that the HTTP port serves."""
        found = await served(site, pages=pages)
        return [RouteOut(method=method, path=path) for method, path in found]

    return router


async def served(site: Site, *, pages: bool = True) -> list[tuple[str, str]]:
    """(method, path) of every route; paths with {parameters} as they were declared.

    Pages too, for which NiceGUI is loaded, unless `pages` is False.
    """
    if not pages:
        return sorted(_of(site.routes))
    await site.dashboard.load()
    from nicegui import core  # noqa: PLC0415  # loaded by now

    return sorted({*_of(site.routes), *_of(core.app)})


def _of(app: FastAPI, prefix: str = "") -> Iterable[tuple[str, str]]:
    for route in iter_route_contexts(app.routes):
        for method in getattr(route, "methods", None) or ():
            if route.path is not None:
                yield method, prefix + route.path
    for mount in app.routes:
        if isinstance(mount, Mount) and isinstance(mount.app, FastAPI):
            yield from _of(mount.app, prefix + mount.path)
