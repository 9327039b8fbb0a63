"""The hub's private door: the same API, for whoever may open the socket in the data folder."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection

from fastapi import APIRouter, FastAPI
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.api.principal import AUTHENTICATOR, Principal, named_tenant
from hub.api.problems import handle_problems
from hub.api.scope import OPERATOR, Role
from hub.database.errors import UnknownTenantError

__all__ = ["OperatorDoor"]

# Our commands say who they are, which then stands in the history of what they change.
_PROGRAM = re.compile(r"dormouse [a-z -]{1,40}")


class OperatorDoor:
    """An ASGI application: /api for an operator, who may do everything in every tenant.

    `health` answers beside it: nobody reaches the TCP port at an address that is not there.

    To be served on a socket that nobody else may open. `?tenant=` or its header chooses; without
    them routes about one device mean that device's tenant (`tenant_of`), the others the hub's own.
    `tenants` gives the names of all.
    """

    def __init__(
        self,
        api: ASGIApp,
        *,
        tenant: str,
        tenant_of: Callable[[str], str],
        tenants: Callable[[], Awaitable[Collection[str]]],
        health: APIRouter | None = None,
    ) -> None:
        self._own, self._tenant_of, self._tenants = tenant, tenant_of, tenants
        app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        handle_problems(app)
        if health is not None:
            app.include_router(health)
        app.mount("/api", api)
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            scope = {**scope, AUTHENTICATOR: self._principal}
            await self._app(scope, receive, send)

    async def _principal(self, connection: HTTPConnection) -> Principal:
        """Raises UnknownTenantError."""
        named = named_tenant(connection)
        if named is not None and named not in await self._tenants():
            raise UnknownTenantError(named)
        device = connection.path_params.get("device")
        own = self._own if device is None else self._tenant_of(device)
        program = connection.headers.get("user-agent", "")
        return Principal(
            name=program if _PROGRAM.fullmatch(program) else OPERATOR,
            tenant=named or own,
            role=Role.ADMINISTRATOR,
            scopes=frozenset({OPERATOR}),
            tenants=(named,) if named else (),
            operator=True,
        )
