"""The API's application: what programs may see and do, by token, session or private socket."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI

from hub.api.problems import handle_problems
from hub.api.schema import describe

__all__ = ["api"]


def api(routers: Sequence[APIRouter]) -> FastAPI:
    """The application to mount at /api, of the rooms' routers."""
    app = FastAPI(title="Dormouse", docs_url=None, redoc_url=None)
    for router in routers:
        app.include_router(router)
    handle_problems(app)
    describe(app, routers)
    return app
