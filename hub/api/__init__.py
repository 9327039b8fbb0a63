"""The API under /api: what programs may see and do, by token or session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import FastAPI

from hub.api.access import whose
from hub.api.problems import handle_problems
from hub.api.schema import describe
from hub.devices import routes as devices
from hub.explain import routes as condition
from hub.firmware import routes as firmware
from hub.places import routes as places
from hub.readings import live_routes as live
from hub.readings import routes as readings
from hub.readings.exports import Exports
from hub.rollouts import routes as rollouts
from hub.tokens import routes as tokens

if TYPE_CHECKING:
    from hub.web.site import Site

__all__ = ["api"]


def api(site: Site) -> FastAPI:
    """The application to mount at /api; `site` learns to know tokens."""
    app = FastAPI(title="Dormouse", docs_url=None, redoc_url=None)
    app.state.exports = Exports()
    app.state.uploading = asyncio.Lock()
    parts = (devices, condition, readings, places, firmware, rollouts, tokens, live)
    routers = [part.routes for part in parts]
    for router in routers:
        app.include_router(router)
    handle_problems(app)
    describe(app, routers)
    site.tokens = whose(site.hub.running.store)
    site.sessions.on_end(site.streams.end_sessions)
    return app
