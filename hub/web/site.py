"""The public application: pages, API, log-in, behind one gate."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI, HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.api.application import api
from hub.api.principal import AUTHENTICATOR, Credentials
from hub.api.problems import handle_refusals
from hub.database.secrets import secret
from hub.hooks.door import router as hook_door
from hub.mqtt.http_auth import router as mqtt_auth
from hub.services import Services, routers
from hub.web import errors, plain
from hub.web.badge import router as badge
from hub.web.dashboard import Dashboard
from hub.web.find import router as find
from hub.web.gate import RequestGate
from hub.web.health import router as health
from hub.web.listing import routes as listing
from hub.web.login import router as login
from hub.web.metrics import routes as metrics
from hub.web.pages import mount_all
from hub.web.scope import SERVICES

__all__ = ["WebSite"]


class WebSite:
    """What the HTTP port serves.

    `api` and `health` are served on the private socket too (hub/api/operator.py).
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        people = services.people
        self.dashboard = Dashboard(
            partial(mount_all, services),
            expired=people.sessions.expired,
            supervisor=services.supervisor,
        )
        people.sessions.on_end(self.dashboard.end)
        people.sessions.on_end(services.streams.end_sessions)
        app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        self.api = api([*routers(services), listing(app, self.dashboard.load)])
        self.health = health(
            services.ping,
            services.mqtt.source,
            services.supervisor,
            services.settings.data_dir,
            services.settings.host,
            backup_trouble=lambda: services.backups.trouble,
            channels_fail=services.notifications.any_fails,
        )
        self._add_routes(app)
        self.app: ASGIApp = RequestGate(self._compressed(app), services.settings.names)

    async def stop(self) -> None:
        """End the pages."""
        await self.dashboard.close()

    def _compressed(self, app: FastAPI) -> ASGIApp:
        services = self._services
        credentials = Credentials(services.people.sessions.principal, services.tokens.principal)
        inner = GZipMiddleware(app, minimum_size=1000, compresslevel=5)

        async def known(scope: Scope, receive: Receive, send: Send) -> None:
            scope[SERVICES] = services
            scope[AUTHENTICATOR] = credentials
            await inner(scope, receive, send)

        return known

    def _add_routes(self, app: FastAPI) -> None:
        services = self._services
        errors.install(app)
        handle_refusals(app)
        app.include_router(self.health)
        app.include_router(metrics(services))
        app.include_router(find(services))
        app.include_router(badge(services))
        app.mount("/api", self.api)

        @app.get("/static/{name}", include_in_schema=False)
        async def static(name: str) -> Response:
            file = plain.asset(name)
            if file is None:
                raise HTTPException(404)
            return file

        @app.get("/favicon.ico", include_in_schema=False)
        async def icon() -> Response:
            return await static("icon.svg")

        key = secret(services.settings.data_dir / "web" / "secret").encode()
        app.include_router(login(services.people, key=key, warm=self.dashboard.warm))
        app.include_router(hook_door(services.hooks))
        if services.settings.auth_secret:
            app.include_router(mqtt_auth(services.mqtt.decisions, services.settings.auth_secret))
        app.mount("/", self.dashboard)
