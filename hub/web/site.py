"""The public application: pages, API, log-in, behind one gate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from fastapi import FastAPI, HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.api import api
from hub.api.principal import SITE, Principal
from hub.api.problems import handle_refusals
from hub.api.streams import Streams
from hub.database.secrets import secret
from hub.mqtt.http_auth import router as mqtt_auth
from hub.people.limits import Attempts
from hub.people.passwords import Passwords
from hub.people.repository import People
from hub.people.sessions import Sessions
from hub.web import errors, plain
from hub.web.dashboard import Dashboard
from hub.web.gate import Gate
from hub.web.health import router as health
from hub.web.metrics import routes as metrics

if TYPE_CHECKING:
    from hub.app import Hub

__all__ = ["Site"]


class Site:
    """What the HTTP port serves.

    Pages and routes reach the hub's parts by `hub`; `tokens` is set by the API: whose an
    `Authorization: Bearer` token is.
    """

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.people = People(hub.running.store)
        self.sessions = Sessions(self.people)
        self.passwords = Passwords()
        self.attempts = Attempts()
        self.streams = Streams()
        self.tokens: Callable[[str], Awaitable[Principal | None]] | None = None
        self.secret = secret(hub.settings.data_dir / "web" / "secret").encode()
        self.dashboard = Dashboard(self)
        self.sessions.on_end(self.dashboard.end)
        self.routes = self._routes()
        self.app: ASGIApp = Gate(self._compressed(), hub.settings.names)

    async def stop(self) -> None:
        """End the pages."""
        await self.dashboard.close()

    def _compressed(self) -> ASGIApp:
        inner = GZipMiddleware(self.routes, minimum_size=1000, compresslevel=5)

        async def known(scope: Scope, receive: Receive, send: Send) -> None:
            scope[SITE] = self
            await inner(scope, receive, send)

        return known

    def _routes(self) -> FastAPI:
        from hub.web.login import router as people  # noqa: PLC0415  # it needs Site

        app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        errors.install(app)
        handle_refusals(app)
        app.include_router(health(self))
        app.include_router(metrics)
        app.mount("/api", api(self))

        @app.get("/static/{name}", include_in_schema=False)
        async def static(name: str) -> Response:
            found = plain.asset(name)
            if found is None:
                raise HTTPException(404)
            return found

        @app.get("/favicon.ico", include_in_schema=False)
        async def icon() -> Response:
            return await static("icon.svg")

        app.include_router(people(self))
        if self.hub.settings.auth_secret:
            app.include_router(mqtt_auth(self.hub.mqtt.decisions, self.hub.settings.auth_secret))
        app.mount("/", self.dashboard)
        return app
