"""The way into the database: a pool of connections, and transactions of one tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, dict_row
from psycopg_pool import AsyncConnectionPool

from hub.database import migrate, roles
from hub.database.away import translated
from hub.database.errors import SchemaOutdatedError, UnknownTenantError
from hub.database.queries import Queries, Query

__all__ = ["Connection", "Database", "TenantDatabase"]

Connection = AsyncConnection[TupleRow]

_QUERIES = Queries.of("hub.database")


class Database:
    """The database as the application sees it: nothing but one tenant's rows at a time.

    `url` names an application role. Entering opens the pool; it raises UnsafeRoleError for a
    superuser or BYPASSRLS role and SchemaOutdatedError when migrations are missing. Every way in
    raises DatabaseAwayError when the database cannot be reached.
    """

    def __init__(self, url: str, *, connections: int = 8) -> None:
        self.url = url
        # prepare_threshold None: a prepared statement belongs to one server connection, which
        # PgBouncer in transaction mode does not keep for us.
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=connections,
            open=False,
            kwargs={"prepare_threshold": None, "application_name": "dormouse"},
        )
        self._tenants: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        await self._pool.open()
        try:
            await self._check()
        except BaseException:
            await self._pool.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    def of(self, tenant: str) -> TenantDatabase:
        """One tenant's part of the database; a tenant there is not shows when it is used."""
        return TenantDatabase(self, tenant)

    @asynccontextmanager
    async def nobody(self) -> AsyncIterator[Connection]:
        """A transaction without a tenant: it sees no tenant's rows; for what belongs to none."""
        with translated():
            async with self._pool.connection() as conn:
                yield conn

    @asynccontextmanager
    async def transaction(self, tenant: str, *, pipelined: bool) -> AsyncIterator[Connection]:
        """What TenantDatabase.transaction is."""
        number = await self.tenant_id(tenant)
        with translated():
            async with AsyncExitStack() as stack:
                conn = await stack.enter_async_context(self._pool.connection())
                if pipelined:
                    await stack.enter_async_context(conn.pipeline())
                await conn.execute(_QUERIES["set_tenant"], [str(number)])
                yield conn

    async def ping(self) -> None:
        """Ask something small. Raises DatabaseAwayError."""
        async with self.nobody() as conn:
            await conn.execute(_QUERIES["ping"])

    async def tenant_id(self, name: str) -> int:
        """The tenant's number. Raises UnknownTenantError."""
        if name not in self._tenants:
            async with self.nobody() as conn:
                row = await (await conn.execute(_QUERIES["tenant_id"], [name])).fetchone()
            if row is None or row[0] is None:
                raise UnknownTenantError(name)
            self._tenants[name] = row[0]
        return self._tenants[name]

    async def ensure_tenant(self, name: str) -> int:
        """The tenant's number; the tenant is made when there is none of that name."""
        async with self.nobody() as conn:
            row = await (await conn.execute(_QUERIES["ensure_tenant"], [name])).fetchone()
        if row is None:
            raise UnknownTenantError(name)
        self._tenants[name] = row[0]
        return self._tenants[name]

    async def tenants(self) -> list[str]:
        """The names of all tenants, for an operator's explicit list."""
        async with self.nobody() as conn:
            rows = await (await conn.execute(_QUERIES["tenant_names"])).fetchall()
        return [row[0] for row in rows]

    async def rows(
        self, tenants: Sequence[str], query: Query, parameters: Sequence[object] = ()
    ) -> list[dict[str, Any]]:
        """An operator's question to several tenants, each asked by itself.

        Every row has a `tenant` besides the query's columns. Raises UnknownTenantError.
        """
        answers = []
        for name in tenants:
            async with (
                self.of(name).transaction() as conn,
                conn.cursor(row_factory=dict_row) as cursor,
            ):
                await cursor.execute(query, parameters)
                answers += [{"tenant": name, **row} for row in await cursor.fetchall()]
        return answers

    async def _check(self) -> None:
        async with self.nobody() as conn:
            await roles.refuse_unsafe(conn)
            known = await conn.execute(_QUERIES["version_table"])
            row = await known.fetchone()
            if row and row[0]:
                row = await (await conn.execute(_QUERIES["version"])).fetchone()
            revision = row[0] if row else None
        if revision != migrate.head():
            raise SchemaOutdatedError(revision, migrate.head())


@dataclass(frozen=True, slots=True)
class TenantDatabase:
    """The database as one tenant sees it: what a repository is made from."""

    database: Database
    tenant: str

    def transaction(self, *, pipelined: bool = False) -> AbstractAsyncContextManager[Connection]:
        """A transaction that sees and writes this tenant's rows alone.

        Committed at the end of the block, rolled back when it raises. `pipelined` saves round
        trips; an error then shows where a result is fetched. Raises UnknownTenantError,
        DatabaseAwayError, and RefusedValueError for a value that its column cannot hold.
        """
        return self.database.transaction(self.tenant, pipelined=pipelined)
