"""Tokens: made and revoked by administrators, shown once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from hub.api.access import Admin, Read
from hub.api.parameters import Instant, Name, Number
from hub.api.problems import ProblemError
from hub.api.scope import Scope
from hub.tokens.repository import Token
from hub.tokens.service import TokenService

__all__ = ["routes"]


class TokenOut(BaseModel):
    """A token as it is kept; `used` is exact to a minute, null when it never was."""

    id: int
    name: str
    scopes: list[Scope]
    made_by: str
    created: datetime
    expires: datetime | None
    used: datetime | None


class NewToken(BaseModel, extra="forbid"):
    """A token to make."""

    name: Name = Field(description="what it is for")
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    expires: Instant | None = Field(None, description="null: it lasts until it is revoked")


class TokenMade(TokenOut):
    """A new token; `token` is shown this once and known to nobody afterwards."""

    token: str


class Me(BaseModel):
    """Who asks."""

    name: str
    tenant: str
    tenants: list[str]
    role: str
    scopes: list[str]


def routes(tokens: TokenService) -> APIRouter:
    """/me and the routes under /tokens."""
    router = APIRouter(tags=["tokens"])
    handlers = _Handlers(tokens)
    router.get("/me")(handlers.me)
    router.get("/tokens")(handlers.tokens)
    router.post("/tokens", status_code=201)(handlers.make)
    router.delete("/tokens/{number}", status_code=204)(handlers.revoke)
    return router


class _Handlers:
    """What the routes do."""

    def __init__(self, tokens: TokenService) -> None:
        self._tokens = tokens

    async def me(self, caller: Read) -> Me:
        """Who you are to the hub, and what you may."""
        who = caller
        return Me(
            name=who.name,
            tenant=who.tenant,
            tenants=list(who.tenants),
            role=who.role.value,
            scopes=sorted(who.scopes),
        )

    async def tokens(self, caller: Admin) -> list[TokenOut]:
        """All tokens, expired ones included."""
        return [TokenOut(**_token(token)) for token in await self._tokens.all(caller.tenant)]

    async def make(self, caller: Admin, body: NewToken) -> TokenMade:
        """Make a token."""
        if body.expires is not None and body.expires <= datetime.now(UTC):
            raise ProblemError(422, "body.expires: lies in the past")
        token, text = await self._tokens.make(
            caller.tenant, body.name, set(body.scopes), caller.name, body.expires
        )
        return TokenMade(**_token(token), token=text)

    async def revoke(self, caller: Admin, number: Annotated[Number, Path()]) -> None:
        """End a token at once, and the streams that were opened with it."""
        await self._tokens.revoke(caller.tenant, number)


def _token(token: Token) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "made_by": token.made_by,
        "created": token.created_at,
        "expires": token.expires_at,
        "used": token.used_at,
    }
