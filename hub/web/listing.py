"""Everything that the HTTP port serves, from the application itself: nothing can be forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute

if TYPE_CHECKING:
    from hub.web.site import Site

__all__ = ["served"]


async def served(site: Site) -> list[tuple[str, str]]:
    """(method, path) of every route and page; paths with {parameters} as they were declared."""
    await site.dashboard.load()
    from nicegui import core  # noqa: PLC0415  # loaded by now

    found = {*_of(site.routes.routes), *_of(core.app.routes)}
    return sorted(found)


def _of(routes: Sequence[BaseRoute]) -> Iterable[tuple[str, str]]:
    for route in iter_route_contexts(routes):
        for method in getattr(route, "methods", None) or ():
            if route.path is not None:
                yield method, route.path
