"""The way into the database: a pool of connections, and transactions of one tenant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow, dict_row
from psycopg_pool import AsyncConnectionPool

from contracts.resources import release
from hub.database import migrate, roles
from hub.database.away import translated
from hub.database.errors import DatabaseAwayError, SchemaOutdatedError, UnknownTenantError
from hub.database.one_cluster import OneCluster
from hub.database.queries import Queries, Query
from hub.database.schema_release import read_release, refuse_newer

__all__ = [
    "HUB",
    "Connection",
    "Database",
    "TenantDatabase",
    "TenantSnapshots",
]

Connection = AsyncConnection[TupleRow]

HUB = "dormouse"
"""What a hub's connections are called in Postgres."""

_QUERIES = Queries.of("hub.database")


class Database:
    """The database as the application sees it: nothing but one tenant's rows at a time.

    `url` names an application role, `name` is what its connections are called, which lead to
    `cluster` alone. Entering opens the pool; it raises UnsafeRoleError for a superuser or BYPASSRLS
    role and SchemaOutdatedError when migrations are missing. Every way in raises DatabaseAwayError
    when the database cannot be reached.
    """

    def __init__(
        self,
        url: str,
        *,
        connections: int = 8,
        name: str = HUB,
        cluster: OneCluster | None = None,
    ) -> None:
        self.url = url
        # prepare_threshold None: a prepared statement belongs to one server connection, which
        # PgBouncer in transaction mode does not keep for us.
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url if cluster is None else lambda: cluster.fit(url),
            min_size=1,
            max_size=connections,
            open=False,
            configure=None if cluster is None else cluster.admit,
            kwargs={"prepare_threshold": None, "application_name": name},
        )
        self._tenants: dict[str, int] = {}
        # One tenant's transactions, which may wait for each other, never take all connections.
        self._share = max(1, connections * 5 // 8)
        self._shares: dict[str, asyncio.Semaphore] = {}

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
            async with self._within_share(tenant), AsyncExitStack() as stack:
                conn = await stack.enter_async_context(self._pool.connection())
                if pipelined:
                    await stack.enter_async_context(conn.pipeline())
                await conn.execute(_QUERIES["set_tenant"], [str(number)])
                yield conn

    @asynccontextmanager
    async def _within_share(self, tenant: str) -> AsyncIterator[None]:
        """While fewer of the connections are a tenant's than its share of them."""
        share = self._shares.setdefault(tenant, asyncio.Semaphore(self._share))
        try:
            async with asyncio.timeout(self._pool.timeout):
                await share.acquire()
        except TimeoutError:
            raise DatabaseAwayError("all connections that a tenant may have are in use") from None
        try:
            yield
        finally:
            share.release()

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
        """A question to several tenants in one transaction, each asked by itself.

        Every row has a `tenant` besides the query's columns. Raises UnknownTenantError.
        """
        answers = []
        async with self.across(tenants) as snapshots:
            for name in tenants:
                async with (
                    snapshots.of(name).transaction() as conn,
                    conn.cursor(row_factory=dict_row) as cursor,
                ):
                    await cursor.execute(query, parameters)
                    answers += [{"tenant": name, **row} for row in await cursor.fetchall()]
        return answers

    @asynccontextmanager
    async def across(self, tenants: Sequence[str]) -> AsyncIterator[TenantSnapshots]:
        """Several tenants as of one moment: one transaction, which only reads.

        What reads one tenant reads each of these, one after the other. Raises UnknownTenantError.
        """
        # Before: what is looked up takes a connection of its own.
        numbers = {name: await self.tenant_id(name) for name in tenants}
        with translated():
            async with self._pool.connection() as conn:
                await conn.execute(_QUERIES["begin_snapshot"])
                yield TenantSnapshots(self, conn, numbers)

    async def _check(self) -> None:
        async with self.nobody() as conn:
            await roles.refuse_unsafe(conn)
            found = await read_release(conn)
        refuse_newer(found, release())
        if found.revision != migrate.head():
            raise SchemaOutdatedError(found.revision, migrate.head())


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

    async def row(
        self, query: sql.SQL | sql.Composed, parameters: Mapping[str, object]
    ) -> TupleRow | None:
        """The first row of what a question that only reads is answered, in its own transaction."""
        async with self.transaction(pipelined=True) as conn:
            return await (await conn.execute(query, parameters)).fetchone()


class TenantSnapshots:
    """Some tenants, by name and number, within one transaction on `conn`."""

    def __init__(self, database: Database, conn: Connection, numbers: Mapping[str, int]) -> None:
        self._database, self._conn, self._numbers = database, conn, numbers

    def of(self, tenant: str) -> TenantDatabase:
        """One of them, to be read from. Raises UnknownTenantError."""
        if tenant not in self._numbers:
            raise UnknownTenantError(tenant)
        return _TenantSnapshot(self._database, tenant, self._conn, self._numbers[tenant])


@dataclass(frozen=True, slots=True)
class _TenantSnapshot(TenantDatabase):
    """A tenant within a transaction that others are read in as well."""

    conn: Connection
    number: int

    @asynccontextmanager
    async def transaction(self, *, pipelined: bool = False) -> AsyncIterator[Connection]:
        """The one transaction, looking at this tenant."""
        async with AsyncExitStack() as stack:
            if pipelined:
                await stack.enter_async_context(self.conn.pipeline())
            await self.conn.execute(_QUERIES["set_tenant"], [str(self.number)])
            yield self.conn
