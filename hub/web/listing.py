"""Everything that the HTTP port serves, from the application itself: nothing can be forgotten."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from starlette.routing import Mount

from hub.api.access import OPERATOR_ONLY

__all__ = ["routes"]


class RouteOut(BaseModel):
    """Something that is served; the path with {parameters} as they were declared."""

    method: str
    path: str


def routes(app: FastAPI, load_pages: Callable[[], Awaitable[object]]) -> APIRouter:
    """/routes: what `app` serves and, once `load_pages` has loaded them, the pages."""
    router = APIRouter(tags=["operator"], dependencies=[OPERATOR_ONLY])

    @router.get("/routes")
    async def every_route(
        pages: Annotated[bool, Query(description="with pages, which are loaded for it")] = True,
    ) -> list[RouteOut]:
        """Method and path of everything that the HTTP port serves."""
        served = set(_of(app))
        if pages:
            await load_pages()
            from nicegui import core  # noqa: PLC0415  # loaded by now

            served.update(_of(core.app))
        return [RouteOut(method=method, path=path) for method, path in sorted(served)]

    return router


def _of(app: FastAPI, prefix: str = "") -> Iterable[tuple[str, str]]:
    for route in iter_route_contexts(app.routes):
        for method in getattr(route, "methods", None) or ():
            if route.path is not None:
                yield method, prefix + route.path
    for mount in app.routes:
        if isinstance(mount, Mount) and isinstance(mount.app, FastAPI):
            yield from _of(mount.app, prefix + mount.path)
