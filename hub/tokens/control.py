"""What the command line may do with tokens, over the control socket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from hub.api.access import revoke
from hub.api.parameters import Name
from hub.database.errors import StoreError, UnknownTenantError
from hub.tokens.repository import Scope, Token, TokenRepository

if TYPE_CHECKING:
    from hub.app import Hub

__all__ = ["router"]


class NewToken(BaseModel):
    """A token to make; `days` None: it lasts until it is revoked."""

    name: Name
    scopes: list[Scope] = Field(min_length=1)
    days: float | None = Field(None, gt=0, le=36500)
    tenant: str | None = None


class End(BaseModel):
    """A token to revoke."""

    number: int = Field(ge=1, le=2**31 - 1)
    tenant: str | None = None


def router(hub: Hub) -> APIRouter:
    """The routes under /tokens; the hub's own tenant is meant where a request names none."""
    routes = APIRouter(prefix="/tokens")

    @routes.get("")
    async def tokens(tenant: str | None = None) -> list[dict[str, Any]]:
        try:
            found = await _tokens(hub).list(tenant or hub.settings.tenant)
        except UnknownTenantError as error:
            raise HTTPException(404, str(error)) from None
        return [_token(token) for token in found]

    @routes.post("")
    async def make(wanted: NewToken) -> dict[str, Any]:
        expires = wanted.days and datetime.now(UTC) + timedelta(days=wanted.days)
        try:
            token, text = await _tokens(hub).make(
                wanted.tenant or hub.settings.tenant, wanted.name, wanted.scopes, "dormouse token",
                expires or None,
            )  # fmt: skip
        except StoreError as error:
            raise HTTPException(409, str(error)) from None
        return {**_token(token), "token": text}

    @routes.post("/revoke")
    async def end(wanted: End) -> dict[str, Any]:
        try:
            await revoke(hub.site, wanted.tenant or hub.settings.tenant, wanted.number)
        except StoreError as error:
            raise HTTPException(404, str(error)) from None
        return {"revoked": wanted.number}

    return routes


def _tokens(hub: Hub) -> TokenRepository:
    return TokenRepository(hub.running.store)


def _token(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "made_by": token.made_by,
        "created": token.created_at.isoformat(),
        "expires": token.expires_at and token.expires_at.isoformat(),
        "used": token.used_at and token.used_at.isoformat(),
    }
