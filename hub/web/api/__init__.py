"""The API under /api: what programs may see and do, by token or session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import FastAPI

from hub.web.api import condition, devices, firmware, live, places, readings, rollouts, tokens
from hub.web.api.access import whose
from hub.web.api.exports import Exports
from hub.web.api.problems import handle_problems
from hub.web.api.schema import describe

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
