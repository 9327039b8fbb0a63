"""Tokens: how programs prove to the API that they may. The database knows only their hashes.

A token reads `dm.<tenant>.<number>.<secret>`: it names the tenant whose row proves it, so that
looking one up needs no sight of other tenants. The secret is 256 random bits, so a plain SHA-256
is enough to keep it by.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from hub.api.scope import Scope
from hub.database.database import Database
from hub.database.errors import DatabaseError, ForeignRowError, UnknownTenantError
from hub.database.queries import Queries
from hub.database.refusals import typed

__all__ = ["Token", "TokenRepository", "TooManyTokensError"]

_QUERIES = Queries.of("hub.tokens")

# A tenant needs a handful; without a bound a script that makes one a run fills the table.
_MOST = 200
_FORM = re.compile(r"dm\.([a-z0-9][a-z0-9-]{0,62})\.([1-9][0-9]{0,9})\.([A-Za-z0-9_-]{43})")


class TooManyTokensError(DatabaseError):
    """The tenant has 200 tokens already: revoke those that are not used any more."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept; `used_at` is exact to a minute."""

    id: int
    name: str
    scopes: frozenset[Scope]
    made_by: str
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None

    def __post_init__(self) -> None:
        # The database gives a list of texts.
        object.__setattr__(self, "scopes", frozenset(Scope(scope) for scope in self.scopes))


class TokenRepository:
    """The tokens of all tenants, each asked for by its tenant's name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, tenant: str) -> list[Token]:
        """A tenant's tokens, expired ones included, the oldest first."""
        async with self._database.of(tenant).transaction() as conn, conn.cursor(
            row_factory=class_row(Token)
        ) as rows:  # fmt: skip
            await rows.execute(_QUERIES["tokens"])
            return await rows.fetchall()

    async def make(
        self, tenant: str, name: str, scopes: Collection[Scope], by: str, expires: datetime | None
    ) -> tuple[Token, str]:
        """A new token and its text, which nobody can tell again. Raises TooManyTokensError."""
        secret = secrets.token_urlsafe(32)
        facts = {
            "name": name,
            "hash": _hash(secret),
            "scopes": sorted(scopes),
            "by": by,
            "expires": expires,
            "most": _MOST,
        }
        with typed():
            async with self._database.of(tenant).transaction() as conn, conn.cursor(
                row_factory=class_row(Token)
            ) as rows:  # fmt: skip
                await rows.execute(_QUERIES["make_token"], facts)
                token = await rows.fetchone()
        if token is None:
            raise TooManyTokensError
        return token, f"dm.{tenant}.{token.id}.{secret}"

    async def revoke(self, tenant: str, number: int) -> None:
        """End a token at once. Raises ForeignRowError."""
        async with self._database.of(tenant).transaction() as conn:
            gone = await conn.execute(_QUERIES["revoke_token"], [number])
        if not gone.rowcount:
            raise ForeignRowError(f"no token {number}")

    async def verify(self, text: str) -> tuple[str, Token] | None:
        """The tenant and the token of a text; None for one that is not, or no longer, a token."""
        form = _FORM.fullmatch(text)
        if form is None or int(form[2]) > 2**31 - 1:
            return None
        try:
            async with self._database.of(form[1]).transaction() as conn, conn.cursor(
                row_factory=class_row(Token)
            ) as rows:  # fmt: skip
                await rows.execute(_QUERIES["prove_token"], [int(form[2]), _hash(form[3])])
                token = await rows.fetchone()
                if token is not None:
                    await conn.execute(_QUERIES["token_used"], [token.id])
        except UnknownTenantError:
            return None
        return None if token is None else (form[1], token)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
