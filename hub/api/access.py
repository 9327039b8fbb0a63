"""Who may ask the API for what: every route names one scope, as a parameter's type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request

from hub.api.principal import Principal, Role, authenticate, site_of
from hub.api.problems import ProblemError
from hub.database.database import Database
from hub.tokens.repository import Scope, TokenRepository

__all__ = [
    "Admin",
    "Asked",
    "Check",
    "Command",
    "Read",
    "Update",
    "Write",
    "again",
    "may",
    "revoke",
    "whose",
]

if TYPE_CHECKING:
    from hub.app import Hub
    from hub.web.site import Site


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be answered: by which hub, for whom."""

    hub: Hub
    principal: Principal

    @property
    def store(self) -> Database:
        """The way into the database."""
        return self.hub.running.store

    @property
    def tenant(self) -> str:
        """The tenant asked about: the token's own, or the one that a person looks at."""
        return self.principal.tenant


class Check:
    """A dependency: whoever has the scope. 401 for nobody, 403 for who lacks it."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Asked:
        """The request, if it may be answered."""
        principal = await authenticate(request)
        if principal is None:
            raise ProblemError(
                401,
                "nobody is known by this: send `Authorization: Bearer <token>`, or log in",
                WWW_Authenticate='Bearer realm="dormouse"',
            )
        if not may(principal, self.scope):
            raise ProblemError(
                403,
                f"{principal.name} may not do this in {principal.tenant}: "
                f"it takes the scope {self.scope.value}",
            )
        return Asked(site_of(request).hub, principal)


async def again(request: Request) -> Principal | None:
    """Who asks, looked up anew: for an answer that lasts."""
    request.scope.pop("dormouse.principal", None)
    return await authenticate(request)


def may(principal: Principal, scope: Scope) -> bool:
    """Whether a principal has a scope; who administers has all of them."""
    return scope in principal.scopes or Scope.ADMIN in principal.scopes


def whose(store: Database) -> Any:
    """The function that finds a token's principal by its text: what Site.tokens wants."""
    tokens = TokenRepository(store)

    async def prove(text: str) -> Principal | None:
        found = await tokens.prove(text)
        if found is None:
            return None
        tenant, token = found
        role = Role.ADMINISTRATOR if Scope.ADMIN in token.scopes else Role.READER
        return Principal(
            name=f"token {token.id} {token.name}",
            tenant=tenant,
            role=role,
            scopes=frozenset(scope.value for scope in token.scopes),
            tenants=(tenant,),
        )

    return prove


async def revoke(site: Site, tenant: str, number: int) -> None:
    """End a token at once, and the streams that were opened with it. Raises ForeignRowError."""
    await TokenRepository(site.hub.running.store).revoke(tenant, number)
    site.streams.end_token(tenant, number)


Read = Annotated[Asked, Depends(Check(Scope.READ))]
Write = Annotated[Asked, Depends(Check(Scope.WRITE))]
Command = Annotated[Asked, Depends(Check(Scope.COMMAND))]
Update = Annotated[Asked, Depends(Check(Scope.UPDATE))]
Admin = Annotated[Asked, Depends(Check(Scope.ADMIN))]
