"""The lease of a database: one hub at a time works on it, any other is refused or waits.

What holds it is a session's advisory lock on a connection of its own, so that it ends with its
holder, however that ends. Who holds it is written down beside it, with a heartbeat.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import metadata

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hub.database.database import Connection, Database
from hub.database.errors import DatabaseAwayError, DatabaseError
from hub.database.lease.errors import LeaseHeldError
from hub.database.lease.holder import LeaseHolder, holder_of, session_name
from hub.database.lease.pooler import direct_connection
from hub.database.one_cluster import ForeignClusterError, OneCluster
from hub.database.queries import Queries
from hub.runtime.standby import Standby
from hub.runtime.supervisor import PartRole, Supervisor, Tasks

__all__ = ["OUR_SIDE", "SERVER_SIDE", "Lease"]

log = logging.getLogger(__name__)

_QUERIES = Queries.of("hub.database.lease")
# A machine that lost its power says nothing more: the server looks for it after 2 s of silence,
# three times, a second apart, and so do we for the server.
SERVER_SIDE = "-c tcp_keepalives_idle=2 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3"
OUR_SIDE = {"keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 3}


class Lease:
    """The right to be the one hub of a database, held from `held` to the end of its block.

    Whether a hub waits while another has it, `standby` says, which is also told when another hub
    got it while this one did not reach the database. With `heartbeat` it says every few seconds
    that it gets on; one that has not done so for long is ended by a hub that waits.
    """

    NAME = "dormouse hub"
    # s: how long a hub that has just ended may still be in Postgres' list; how often is looked.
    GRACE, PAUSE = 1.0, 0.1
    # s: between two heartbeats, and after which silence a hub counts as hung.
    HEARTBEAT, HUNG_AFTER = 2.0, 12.0

    def __init__(self, standby: Standby | None = None, *, heartbeat: bool = False) -> None:
        self._standby, self._heartbeat = standby or Standby(), heartbeat
        self._mark, self._host = uuid.uuid4().hex[:8], socket.gethostname()
        self._url, self._cluster = "", OneCluster()
        self._conn: Connection | None = None
        self._tasks: Tasks | None = None

    @asynccontextmanager
    async def held(
        self, url: str, *, setting: str = "", cluster: OneCluster | None = None
    ) -> AsyncIterator[None]:
        """Hold it, by a connection to `url`, which `setting` names, in `cluster` alone.

        Raises LeaseHeldError where another hub has it, PoolerError where a pooler answers,
        ForeignClusterError,
        DatabaseError where the server does not, and StandbyEndedError when stopped meanwhile.
        """
        self._named = f"{setting}: " if setting else ""
        self._cluster = cluster or self._cluster
        options = conninfo_to_dict(url).get("options") or ""
        self._url = make_conninfo(
            url,
            application_name=session_name(self._mark, self._host),
            options=f"{options} {SERVER_SIDE}".strip(),
            **OUR_SIDE,
        )
        try:
            await self._standby.until_stopped_or(self._acquire())
            yield
        finally:
            await self._close()

    @asynccontextmanager
    async def alone(self, _is_done: Callable[[], Awaitable[bool]]) -> AsyncIterator[None]:
        """Nobody else is there as it is."""
        yield

    async def is_in(self, database: Database) -> bool:
        """Whether it is held in that database, seen from there."""
        session = None if self._conn is None else self._conn.info.backend_pid
        async with database.nobody() as conn:
            found = await conn.execute(_QUERIES["lock_is_here"], [session, self.NAME])
            return await found.fetchone() == (True,)

    async def start(self, database: Database, supervisor: Supervisor) -> None:
        """Write down who holds it, and keep it until `stop`."""
        async with database.nobody() as conn:
            await conn.execute(
                _QUERIES["note_holder"],
                [self.NAME, self._mark, self._host, os.getpid(), metadata.version("dormouse-home")],
            )
        self._tasks = supervisor.tasks(PartRole.DUTIES)
        self._tasks.loop("keeping the database's lease", self._keep)
        if self._heartbeat:
            self._tasks.loop("the lease's heartbeat", lambda: self._beat(database))

    async def stop(self) -> None:
        """Keep it no longer; it is given up at the end of the block."""
        if self._tasks is not None:
            await self._tasks.stop()

    async def _acquire(self) -> None:
        """Get it: at once, or for a standby when the other has ended."""
        loop, told = asyncio.get_running_loop(), False
        patient_until = loop.time() + self.GRACE
        while not await self._try():
            holder = await self._holder()
            if holder is not None and loop.time() >= patient_until:
                if not self._standby.wanted:
                    raise LeaseHeldError(str(holder))
                if not told:
                    log.info("standing by: %s works on this database", holder)
                    told = True
                await self._end_hung(holder)
            await asyncio.sleep(self.PAUSE)
        if told:
            log.info("the other hub is gone: this one takes over")

    async def _try(self) -> bool:
        """Whether we have it now. A standby outlives a database that is away."""
        try:
            return await self._lock()
        except (psycopg.OperationalError, ForeignClusterError) as error:
            await self._close()
            if self._standby.wanted:
                return False
            raise DatabaseError(f"{self._named}{str(error).splitlines()[0]}") from None

    async def _lock(self) -> bool:
        """Whether the lock is ours now, by the connection that there is or a new one."""
        self._conn = self._conn or await direct_connection(self._url, self._cluster)
        cursor = await self._conn.execute(_QUERIES["try_lease"], [self.NAME])
        return await cursor.fetchone() == (True,)

    async def _holder(self) -> LeaseHolder | None:
        """Who has it; None when nobody has, or when the database is away."""
        if self._conn is None:
            return None
        with contextlib.suppress(psycopg.OperationalError):
            return await holder_of(self._conn, self.NAME)
        return None

    async def _end_hung(self, holder: LeaseHolder) -> None:
        """End the session of a hub that lives and does not get on."""
        if self._conn is None or holder.silent is None or holder.silent < self.HUNG_AFTER:
            return
        log.warning("%s has not got on for %.0f s: it is ended", holder, holder.silent)
        with contextlib.suppress(psycopg.OperationalError):
            await self._conn.execute(_QUERIES["end_session"], [holder.session])

    async def _keep(self) -> None:
        """See when the connection ends, and get the lease again, unless another has it."""
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                if self._conn is not None:
                    await _until_ended(self._conn)
            log.warning("lost the connection that holds the database's lease")
            await self._close()
            if not await self._regained():
                return

    async def _regained(self) -> bool:
        """Whether we have it again; False when another hub has it."""
        while True:
            with contextlib.suppress(psycopg.OperationalError, DatabaseError):
                if await self._lock():
                    return True
                holder = await self._holder()
                if holder is not None and holder.mark != self._mark:
                    self._standby.lost(LeaseHeldError(str(holder)))
                    return False
                if holder is not None and self._conn is not None:
                    # Our own session of before, which the server still believes in.
                    await self._conn.execute(_QUERIES["end_session"], [holder.session])
            if self._conn is not None and self._conn.closed:
                await self._close()
            await asyncio.sleep(self.PAUSE)

    async def _beat(self, database: Database) -> None:
        while True:
            await asyncio.sleep(self.HEARTBEAT)
            with contextlib.suppress(DatabaseAwayError):
                async with database.nobody() as conn:
                    await conn.execute(_QUERIES["heartbeat"], [self.NAME, self._mark])

    async def _close(self) -> None:
        if self._conn is not None:
            conn, self._conn = self._conn, None
            with contextlib.suppress(psycopg.Error):
                await conn.close()


async def _until_ended(conn: Connection) -> None:
    """Until the connection has ended: raises psycopg.OperationalError.

    Waiting for notifications alone would wake ten times a second, which psycopg does.
    """
    while True:
        await _readable(conn.fileno())
        async for _ in conn.notifies(timeout=0):
            pass


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
