"""Who asks, and what they may: the same for pages and for the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, HTTPException
from starlette.requests import HTTPConnection

from hub.api.scope import ROLE_SCOPES, Role
from hub.errors import HubError
from hub.language.words import speak

__all__ = [
    "AUTHENTICATOR",
    "COOKIE",
    "TENANT_HEADER",
    "TENANT_PARAMETER",
    "Administrator",
    "AmbiguousTenantError",
    "Authenticator",
    "Credentials",
    "ForeignTenantError",
    "Principal",
    "Reader",
    "administrator",
    "authenticate",
    "authenticate_again",
    "is_api",
    "named_tenant",
    "reader",
]

COOKIE = "dormouse_session"
"""The session's cookie."""

AUTHENTICATOR = "dormouse.authenticator"
"""Where a connection's scope holds the Authenticator of the door that it came in by.

The server's side puts it there; nothing that a request says gets into the scope under such a name.
"""

TENANT_HEADER = "X-Dormouse-Tenant"
TENANT_PARAMETER = "tenant"
"""How a request names the tenant that it means, where its sender belongs to several."""

PRINCIPAL = "dormouse.principal"
"""Where a connection's scope holds who asks, once that was looked up."""


class ForeignTenantError(HubError):
    """A request names a tenant that its sender does not belong to, or that is not there."""

    http_status = 403

    def __init__(self, name: str, tenant: str) -> None:
        self.name, self.tenant = name, tenant
        super().__init__(f"{name} does not belong to a tenant {tenant[:64]!r}")


class AmbiguousTenantError(HubError):
    """A request names several tenants: one is meant."""

    http_status = 422

    def __init__(self, *tenants: str) -> None:
        self.tenants = tenants
        named = ", ".join(repr(tenant[:64]) for tenant in tenants)
        super().__init__(f"query.tenant: names several tenants ({named}): one is meant")


@dataclass(frozen=True, slots=True)
class Principal:
    """A person, a token or an operator that asks, looking at one tenant.

    `tenants`: all that a person sees, `roles`: what they may in each. `scopes`: what a token was
    given; a person's session has every scope that its role allows. `person` and `session` are 0 for
    tokens. An `operator` may do everything in every tenant; `tenants` names the one it chose, and
    is empty where it chose none and all are meant. `chosen`: the request named the tenant.
    `language`: what a person chose to read, None: as their browser asks.
    """

    name: str
    tenant: str
    role: Role
    scopes: frozenset[str]
    tenants: tuple[str, ...]
    person: int = 0
    session: int = 0
    operator: bool = False
    roles: Mapping[str, Role] = field(default_factory=dict, hash=False)
    chosen: bool = False
    language: str | None = None

    @property
    def administers(self) -> bool:
        """Whether it may change things in the tenant it looks at."""
        return self.role is Role.ADMINISTRATOR

    def looking_at(self, tenant: str) -> Principal:
        """The same in another tenant of theirs. Raises ForeignTenantError for any other."""
        if tenant == self.tenant:
            return replace(self, chosen=True)
        role = self.roles.get(tenant)
        if role is None:
            raise ForeignTenantError(self.name, tenant)
        return replace(self, tenant=tenant, role=role, scopes=ROLE_SCOPES[role], chosen=True)

    def means(self, tenant: str) -> bool:
        """Whether an answer about several tenants should have this one."""
        return tenant in self.tenants or (self.operator and not self.tenants)


Authenticator = Callable[[HTTPConnection], Awaitable[Principal | None]]
"""Says who asks; None for nobody."""


def is_api(path: str) -> bool:
    """Whether programs ask there: they get JSON and status codes, never a page to log in."""
    return path.startswith(("/api/", "/mqtt/", "/hook/")) or path in {
        "/api",
        "/metrics",
        "/healthz",
    }


def named_tenant(connection: HTTPConnection) -> str | None:
    """The tenant that a request names by header or parameter. Raises AmbiguousTenantError."""
    named = {
        *connection.headers.getlist(TENANT_HEADER),
        *connection.query_params.getlist(TENANT_PARAMETER),
    }
    if len(named) > 1:
        raise AmbiguousTenantError(*sorted(named))
    return next(iter(named), None)


async def authenticate(connection: HTTPConnection) -> Principal | None:
    """Who asks, looked up once for a request, in the tenant that it names.

    From there on the language is that which they chose.

    Raises ForeignTenantError where that is none of theirs, AmbiguousTenantError.
    """
    scope = connection.scope
    if PRINCIPAL not in scope:
        find: Authenticator = scope[AUTHENTICATOR]
        found = await find(connection)
        named = named_tenant(connection)
        scope[PRINCIPAL] = found and (found if named is None else found.looking_at(named))
    principal: Principal | None = scope[PRINCIPAL]
    if principal is not None and principal.language is not None:
        speak(principal.language)
    return principal


async def authenticate_again(connection: HTTPConnection) -> Principal | None:
    """Who asks, looked up anew: for an answer that lasts."""
    connection.scope.pop(PRINCIPAL, None)
    return await authenticate(connection)


class Credentials:
    """The Authenticator of the public port: by session cookie or `Authorization: Bearer`.

    The latter only where programs ask. A request that brings a token is judged by it alone.
    `session` and `token` say whose such a text is.
    """

    def __init__(
        self,
        session: Callable[[str], Awaitable[Principal | None]],
        token: Callable[[str], Awaitable[Principal | None]],
    ) -> None:
        self._session, self._token = session, token

    async def __call__(self, connection: HTTPConnection) -> Principal | None:
        """Who asks."""
        header = connection.headers.get("authorization")
        if header is not None:
            kind, _, token = header.partition(" ")
            if kind.lower() != "bearer" or not is_api(connection.scope["path"]):
                return None
            return await self._token(token.strip())
        cookie = connection.cookies.get(COOKIE, "")
        return await self._session(cookie) if cookie else None


def reader() -> Callable[[HTTPConnection], Awaitable[Principal]]:
    """A dependency: whoever may look. 401, or to the log-in page where people ask."""

    async def check(connection: HTTPConnection) -> Principal:
        principal = await authenticate(connection)
        if principal is None:
            raise refusal(connection)
        return principal

    return check


def administrator() -> Callable[[HTTPConnection], Awaitable[Principal]]:
    """A dependency: whoever may change things; 403 for those who may only look."""

    async def check(connection: HTTPConnection) -> Principal:
        principal = await authenticate(connection)
        if principal is None:
            raise refusal(connection)
        if not principal.administers:
            raise HTTPException(
                403,
                f"{principal.name} may look at {principal.tenant} but not change it; "
                "ask one of its administrators",
            )
        return principal

    return check


def refusal(connection: HTTPConnection) -> HTTPException:
    """What nobody is told: 401 for programs, the way to the log-in for people."""
    path: str = connection.scope["path"]
    if is_api(path) or connection.scope.get("method", "GET") not in {"GET", "HEAD"}:
        return HTTPException(
            401, "log in, or send a token", headers={"WWW-Authenticate": 'Bearer realm="dormouse"'}
        )
    query_string: bytes = connection.scope.get("query_string", b"")
    target = path + (f"?{query_string.decode('latin-1')}" if query_string else "")
    query = f"?next={quote(target, safe='/')}" if target != "/" else ""
    return HTTPException(303, headers={"Location": f"/login{query}"})


Reader = Annotated[Principal, Depends(reader())]
"""A page's or route's parameter for whoever may look."""

Administrator = Annotated[Principal, Depends(administrator())]
"""A page's or route's parameter for whoever may change things."""
