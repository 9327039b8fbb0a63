"""Who asks, and what they may: the same for pages and for the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from fastapi import Depends, HTTPException
from starlette.requests import HTTPConnection

from hub.people.repository import Role

if TYPE_CHECKING:
    from hub.web.site import Site

__all__ = [
    "COOKIE",
    "Administrator",
    "Principal",
    "Reader",
    "Role",
    "administrator",
    "authenticate",
    "is_api",
    "reader",
    "site_of",
]

COOKIE = "dormouse_session"
"""The session's cookie."""

SITE = "dormouse.site"
"""Where a connection's scope holds the Site."""

PRINCIPAL = "dormouse.principal"
"""Where a connection's scope holds who asks, once that was looked up."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A person or a token that asks, looking at one tenant.

    `tenants`: all that a person sees. `scopes`: what a token was given; a person's session has
    every scope that its role allows. `person` and `session` are 0 for tokens.
    """

    name: str
    tenant: str
    role: Role
    scopes: frozenset[str]
    tenants: tuple[str, ...]
    person: int = 0
    session: int = 0

    @property
    def administers(self) -> bool:
        """Whether it may change things in the tenant it looks at."""
        return self.role is Role.ADMINISTRATOR


def site_of(connection: HTTPConnection) -> Site:
    """The public application that a request or websocket came to."""
    site: Site = connection.scope[SITE]
    return site


def is_api(path: str) -> bool:
    """Whether programs ask there: they get JSON and status codes, never a page to log in."""
    return path.startswith(("/api/", "/mqtt/")) or path in {"/api", "/metrics", "/healthz"}


async def authenticate(connection: HTTPConnection) -> Principal | None:
    """Who asks: by session cookie or, where programs ask, by `Authorization: Bearer`.

    A request that brings a token is judged by it alone.
    """
    scope = connection.scope
    if PRINCIPAL not in scope:
        scope[PRINCIPAL] = await _find(connection)
    found: Principal | None = scope[PRINCIPAL]
    return found


async def _find(connection: HTTPConnection) -> Principal | None:
    site = site_of(connection)
    header = connection.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if (
            site.tokens is None
            or scheme.lower() != "bearer"
            or not is_api(connection.scope["path"])
        ):
            return None
        return await site.tokens(token.strip())
    token = connection.cookies.get(COOKIE, "")
    return await site.sessions.principal(token) if token else None


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
    wanted = path + (f"?{query_string.decode('latin-1')}" if query_string else "")
    query = f"?next={quote(wanted, safe='/')}" if wanted != "/" else ""
    return HTTPException(303, headers={"Location": f"/login{query}"})


Reader = Annotated[Principal, Depends(reader())]
"""A page's or route's parameter for whoever may look."""

Administrator = Annotated[Principal, Depends(administrator())]
"""A page's or route's parameter for whoever may change things."""
