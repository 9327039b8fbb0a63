"""The public application: pages, API, log-in, behind one gate."""

from __future__ import annotations

from fastapi import FastAPI, HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.api.application import api
from hub.api.principal import AUTHENTICATOR, Credentials
from hub.api.problems import handle_refusals
from hub.database.secrets import secret
from hub.mqtt.http_auth import router as mqtt_auth
from hub.people.limits import Attempts
from hub.services import Services, routers
from hub.web import errors, plain
from hub.web.dashboard import Dashboard
from hub.web.gate import Gate
from hub.web.health import router as health
from hub.web.listing import routes as listing
from hub.web.metrics import routes as metrics
from hub.web.scope import SITE

__all__ = ["Site"]


class Site:
    """What the HTTP port serves.

    `api` is served on the private socket too (hub/api/operator.py).
    """

    def __init__(self, services: Services) -> None:
        self.services = services
        self.people = services.people.people
        self.sessions = services.people.sessions
        self.passwords = services.people.passwords
        self.attempts = Attempts()
        self.secret = secret(services.settings.data_dir / "web" / "secret").encode()
        self.dashboard = Dashboard(self)
        self.sessions.on_end(self.dashboard.end)
        self.sessions.on_end(services.streams.end_sessions)
        self.api = api([*routers(services), listing(self)])
        self.routes = self._routes()
        self.app: ASGIApp = Gate(self._compressed(), services.settings.names)

    async def stop(self) -> None:
        """End the pages."""
        await self.dashboard.close()

    def _compressed(self) -> ASGIApp:
        credentials = Credentials(self.sessions.principal, self.services.tokens.principal)
        inner = GZipMiddleware(self.routes, minimum_size=1000, compresslevel=5)

        async def known(scope: Scope, receive: Receive, send: Send) -> None:
            scope[SITE] = self
            scope[AUTHENTICATOR] = credentials
            await inner(scope, receive, send)

        return known

    def _routes(self) -> FastAPI:
        from hub.web.login import router as people  # noqa: PLC0415  # it needs Site

        app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        errors.install(app)
        handle_refusals(app)
        services = self.services
        app.include_router(health(services.store, services.mqtt.source, services.supervisor))
        app.include_router(metrics(services))
        app.mount("/api", self.api)

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
        if services.settings.auth_secret:
            app.include_router(mqtt_auth(services.mqtt.decisions, services.settings.auth_secret))
        app.mount("/", self.dashboard)
        return app
