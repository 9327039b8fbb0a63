"""Tokens of all tenants: made, looked up, revoked with the streams that they opened."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from hub.api.principal import Principal
from hub.api.scope import Role, Scope
from hub.api.streams import LiveStreams
from hub.tokens.repository import Token, TokenRepository

__all__ = ["TokenService"]


class TokenService:
    """What may be done with tokens, by pages and programs alike."""

    def __init__(self, tokens: TokenRepository, streams: LiveStreams) -> None:
        self._tokens, self._streams = tokens, streams

    async def all(self, tenant: str) -> Sequence[Token]:
        """A tenant's tokens, expired ones included, the oldest first."""
        return await self._tokens.list(tenant)

    async def make(
        self, tenant: str, name: str, scopes: Collection[Scope], by: str, expires: datetime | None
    ) -> tuple[Token, str]:
        """A new token and its text, which nobody can tell again. Raises TooManyTokensError."""
        return await self._tokens.make(tenant, name, scopes, by, expires)

    async def revoke(self, tenant: str, number: int) -> None:
        """End a token at once, and the streams opened with it. Raises ForeignRowError."""
        await self._tokens.revoke(tenant, number)
        self._streams.end_token(tenant, number)

    async def principal(self, text: str) -> Principal | None:
        """Whose token it is; None for one that is not, or no longer, a token."""
        proven = await self._tokens.verify(text)
        if proven is None:
            return None
        tenant, token = proven
        role = Role.ADMINISTRATOR if Scope.ADMIN in token.scopes else Role.READER
        return Principal(
            name=f"token {token.id} {token.name}",
            tenant=tenant,
            role=role,
            scopes=frozenset(scope.value for scope in token.scopes),
            tenants=(tenant,),
        )
