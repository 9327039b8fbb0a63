"""A standby that is read from: charts, exports and what was are asked there, not of the primary."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from hub.database import roles
from hub.database.away import translated
from hub.database.database import Connection, Database, TenantDatabase
from hub.database.errors import DatabaseAwayError
from hub.database.queries import Queries
from hub.database.replica.errors import ReplicaAwayError, ReplicaUnfitError
from hub.database.replica.freshness import Freshness
from hub.database.replica.server import (
    ServerIdentity,
    as_our_login,
    identity_of,
    refuse_other_name,
)
from hub.errors import HubError
from hub.runtime.supervisor import PartRole, Supervisor, Tasks

__all__ = ["LAGS_FROM", "ReadDatabase", "Replica", "asked"]

log = logging.getLogger(__name__)

_QUERIES = Queries.of("hub.database.replica")
_NAME = "dormouse reads"
LAGS_FROM = 2.5
"""s: what is no older is not said to be: it is looked once a second."""

T = TypeVar("T")


class Replica:
    """The standby at `url` of the primary that `database` is of, looked at once a second.

    It is read from while it answers, is at most `most_lag` seconds behind, and has what the tenant
    last changed; else the primary is. While the primary is away it is read from however old it is.
    Every connection to it is the hub's own login's, only reads, and leads to a copy of the
    primary's database, or is not used.
    """

    # s: between two looks; how long is waited for an answer or a free connection.
    LOOK, PATIENCE = 1.0, 3.0
    CONNECTIONS = 4

    def __init__(
        self,
        database: Database,
        url: str,
        *,
        most_lag: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.database, self.most_lag = database, most_lag
        self._read_url, self._url = url, as_our_login(url, database.url)
        self._clock = clock
        self._freshness = Freshness()
        self._changed: dict[str, float] = {}
        self._primary: ServerIdentity | None = None
        self._primary_away = False
        self.unfit = "it was not asked yet"
        """Why it is not read from now; empty while it is."""
        self._tasks: Tasks | None = None
        self._pool: AsyncConnectionPool[Connection] | None = None

    async def examine(self) -> None:
        """Ask once where the URLs lead. One that is away is no reason to raise.

        Raises ReplicaUnfitError for another cluster or database, and for a server that takes
        writes, unless the URL says by `target_session_attrs=prefer-standby` that it may.
        """
        async with self.database.nobody() as conn:
            self._primary = await identity_of(conn)
        try:
            conn = await psycopg.AsyncConnection.connect(self._url, application_name=_NAME)
        except psycopg.OperationalError as error:
            refuse_other_name(self._url, self.database.url)
            log.warning("no standby to read from: %s", (str(error).splitlines() or ["away"])[0])
            return
        async with conn:
            await roles.refuse_unsafe(conn)
            found = await identity_of(conn)
        found.refuse_unless_of(self._primary)
        wanted = conninfo_to_dict(self._url).get("target_session_attrs")
        if not found.standby and wanted != "prefer-standby":
            raise ReplicaUnfitError(
                "leads to a server that takes writes: name a standby of it, or all servers and "
                "?target_session_attrs=prefer-standby"
            )

    async def start(self, supervisor: Supervisor) -> None:
        """Keep looking at it until `stop`."""
        self._pool = AsyncConnectionPool(
            self._url,
            min_size=1,
            max_size=self.CONNECTIONS,
            open=False,
            timeout=self.PATIENCE,
            configure=self._admit,
            reconnect_timeout=5.0,
            kwargs={"prepare_threshold": None, "application_name": _NAME},
        )
        await self._pool.open()
        self._tasks = supervisor.tasks(PartRole.WEB)
        self._tasks.loop("looking at the standby that is read from", self._keep_looking)

    async def stop(self) -> None:
        """Ask it nothing more."""
        if self._tasks is not None:
            await self._tasks.stop()
        if self._pool is not None:
            await self._pool.close()

    def changed(self, tenant: str) -> None:
        """Something of the tenant's was just changed, and committed, by somebody."""
        self._changed[tenant] = self._clock()

    def of(self, tenant: str) -> TenantDatabase:
        """What one answer is made from: the standby where it is fit now, else the primary."""
        if self.fit(tenant):
            return ReadDatabase(self.database, tenant, self)
        return self.database.of(tenant)

    def fit(self, tenant: str) -> bool:
        """Whether the tenant is to read there."""
        until = self._freshness.complete_until
        if self.unfit or until is None:
            return False
        if self._primary_away:
            return True
        if until <= self._changed.get(tenant, float("-inf")):
            return False
        self._changed.pop(tenant, None)
        return self._clock() - until <= self.most_lag

    @property
    def age(self) -> float | None:
        """How old what it shows may be, in seconds; None where that is not known."""
        until = self._freshness.complete_until
        return None if until is None else self._clock() - until

    def failed(self, reason: str) -> None:
        """It did not answer: ask the primary until it was seen to."""
        if not self.unfit:
            log.warning("the standby is not read from: %s", reason)
        self.unfit = reason

    @asynccontextmanager
    async def transaction(self, tenant: str, *, pipelined: bool) -> AsyncIterator[Connection]:
        """A transaction there that only reads, of one tenant. Raises ReplicaAwayError."""
        number = await self.database.tenant_id(tenant)
        if self._pool is None:
            raise ReplicaAwayError("nobody looks at it")
        try:
            with translated():
                async with AsyncExitStack() as stack:
                    conn = await stack.enter_async_context(self._pool.connection())
                    if pipelined:
                        await stack.enter_async_context(conn.pipeline())
                    await conn.execute(_QUERIES["set_tenant"], [str(number)])
                    yield conn
        except DatabaseAwayError as error:
            self.failed(error.reason)
            raise ReplicaAwayError(error.reason) from error

    async def _admit(self, conn: Connection) -> None:
        """What every connection must be before it is used, wherever the URL leads by now."""
        await conn.set_read_only(True)
        await roles.refuse_unsafe(conn)
        found = await identity_of(conn)
        await conn.rollback()
        if self._primary is None:
            raise ReplicaUnfitError("is not compared with the primary yet")
        found.refuse_unless_of(self._primary)

    async def _keep_looking(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(self.LOOK)

    async def _look(self) -> None:
        """Where both are now."""
        await self._look_at_primary()
        try:
            async with asyncio.timeout(self.PATIENCE):
                position = await self._position_of_standby()
        except (TimeoutError, HubError, psycopg.Error) as error:
            self.failed(getattr(error, "reason", "") or str(error) or "no answer in time")
            self._freshness.forget()
            return
        if position is None:
            self.failed("it takes writes: it is no standby now")
            self._freshness.forget()
            return
        self._freshness.standby_at(position)
        if self.unfit and self._freshness.complete_until is not None:
            log.info("the standby is read from")
            self.unfit = ""

    async def _look_at_primary(self) -> None:
        when = self._clock()
        self._primary_away = True
        with suppress(TimeoutError, HubError, psycopg.Error):
            async with asyncio.timeout(self.PATIENCE), self.database.nobody() as conn:
                if self._primary is None:
                    self._primary = await identity_of(conn)
                found = await conn.execute(_QUERIES["position_of_primary"])
                row = await found.fetchone()
            if row is not None and row[0] is not None:
                self._freshness.primary_at(when, int(row[0]))
                self._primary_away = False

    async def _position_of_standby(self) -> int | None:
        if self._pool is None:
            return None
        with translated():
            async with self._pool.connection() as conn:
                row = await (await conn.execute(_QUERIES["position_of_standby"])).fetchone()
        return None if row is None or row[0] is None else int(row[0])


@dataclass(slots=True)
class _Chosen:
    """What an answer is made from: once the primary, always the primary.

    From one transaction to the next nothing may be gone again that was there.
    """

    primary: bool = False


@dataclass(frozen=True, slots=True)
class ReadDatabase(TenantDatabase):
    """A tenant's database at a standby, for one answer: its transactions only read.

    Where the standby does not answer, the primary does, and goes on to.
    """

    replica: Replica
    chosen: _Chosen = field(default_factory=_Chosen)

    @property
    def age(self) -> float | None:
        """How old what is read may be, in seconds, where that is worth saying."""
        age = None if self.chosen.primary else self.replica.age
        return age if age is not None and age >= LAGS_FROM else None

    @asynccontextmanager
    async def transaction(self, *, pipelined: bool = False) -> AsyncIterator[Connection]:
        """As TenantDatabase.transaction. Raises ReplicaAwayError: the same again is answered."""
        async with AsyncExitStack() as stack:
            conn = None
            if not self.chosen.primary:
                try:
                    conn = await stack.enter_async_context(
                        self.replica.transaction(self.tenant, pipelined=pipelined)
                    )
                except ReplicaAwayError:
                    self.chosen.primary = True
            if conn is None:
                conn = await stack.enter_async_context(
                    self.database.transaction(self.tenant, pipelined=pipelined)
                )
            try:
                yield conn
            except BaseException:
                # Whatever failed in the middle is asked of the primary, if it is asked again.
                self.chosen.primary = True
                raise

    async def row(
        self, query: sql.SQL | sql.Composed, parameters: Mapping[str, object]
    ) -> TupleRow | None:
        """As TenantDatabase.row; of the primary where the standby goes away meanwhile."""
        return await asked(lambda: TenantDatabase.row(self, query, parameters))


async def asked(question: Callable[[], Awaitable[T]]) -> T:
    """What a question that only reads is answered; asked once more where its standby went away."""
    try:
        return await question()
    except ReplicaAwayError:
        return await question()
