"""Everything that the HTTP port serves, from the application itself: nothing can be forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

if TYPE_CHECKING:
    from hub.web.site import Site

__all__ = ["PUBLIC", "served"]

PUBLIC = {
    "/healthz": "says that the hub is there",
    "/login": "where one becomes somebody",
    "/logout": "changes nothing for nobody",
    "/join/{token}": "the token is the permission",
    "/session": "says whether one is logged in",
    "/static/{name}": "style and script of the log-in page",
    "/favicon.ico": "the same",
    "/api/openapi.json": "what the API can do is no secret; its data is",
    "/mqtt/auth": "wants a secret of its own",
    "/mqtt/acl": "the same",
}
"""What answers everybody, and why."""


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
