"""The leases of one of several workers: who consumes which broker, who has the duties.

All are advisory locks of one session on a connection of its own: whatever ends it frees them all at
once. What is committed under a lease goes through its fence (hub/database/lease/fence.py): a worker
that slept and does not know yet commits nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from importlib import metadata

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hub.database.database import Connection, Database
from hub.database.errors import DatabaseAwayError, DatabaseError
from hub.database.lease.errors import LeaseHeldError, WorkersRunningError
from hub.database.lease.held import HeldLease, LeaseGuard
from hub.database.lease.holder import WorkerSession, WorkerStanding, holder_of, session_name
from hub.database.lease.lease import OUR_SIDE, SERVER_SIDE, Lease
from hub.database.lease.pooler import direct_connection
from hub.database.one_cluster import OneCluster
from hub.database.queries import Queries
from hub.runtime.standby import Standby
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["WorkerLeases"]

log = logging.getLogger(__name__)

_QUERIES = Queries.of("hub.database.lease")


def _clock() -> float:
    """Seconds that go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class WorkerLeases:
    """What a worker shares with others, and which leases it has, from `held` to its block's end.

    A hub that has the database for itself is refused while there are workers, and they while it is
    there. `intake` counts this worker among those that share the brokers. `on_announcement` gets
    what others say (`announce`), and None where something may have been missed.
    """

    INTAKE, UPGRADE = "dormouse intake", "dormouse upgrade"
    # s: how often is looked; between two heartbeats; after which silence a worker counts as hung;
    # how long a lease is believed in without a word of the server.
    PAUSE, HEARTBEAT, HUNG_AFTER, SURE_FOR = 0.2, 2.0, 12.0, 8.0
    # s: how long workers that start at once may be in each other's way before an upgrade.
    ALONE_WITHIN = 20.0

    def __init__(self, standby: Standby, *, intake: bool) -> None:
        self._standby = standby
        self._shared = [Lease.NAME, self.INTAKE] if intake else [Lease.NAME]
        self.mark, self.host = uuid.uuid4().hex[:8], socket.gethostname()
        self.sessions: list[WorkerSession] = []
        """Who has which lease, as it was at the last look."""
        self._held: dict[str, HeldLease] = {}
        self._watched: set[str] = set()
        self._heard: list[Callable[[str | None], None]] = []
        self._conn: Connection | None = None
        self._cluster = OneCluster()
        self._confirmed = 0.0
        self._seen = asyncio.Event()

    # --- being there --------------------------------------------------------------------------

    @asynccontextmanager
    async def held(
        self, url: str, *, setting: str = "", cluster: OneCluster | None = None
    ) -> AsyncIterator[None]:
        """Be a worker of the database, by a connection to `url`, which `setting` names.

        It is made to `cluster` alone. Raises as Lease.held.
        """
        self._cluster = cluster or self._cluster
        options = conninfo_to_dict(url).get("options") or ""
        self._url = make_conninfo(
            url,
            application_name=session_name(self.mark, self.host),
            options=f"{options} {SERVER_SIDE}".strip(),
            **OUR_SIDE,
        )
        try:
            try:
                await self._standby.until_stopped_or(self._join())
            except psycopg.OperationalError as error:
                raise DatabaseError(f"{setting}: {str(error).splitlines()[0]}") from None
            yield
        finally:
            await self._close()

    async def is_in(self, database: Database) -> bool:
        """Whether they are in that database, seen from there."""
        session = None if self._conn is None else self._conn.info.backend_pid
        async with database.nobody() as conn:
            found = await conn.execute(_QUERIES["lock_is_here"], [session, Lease.NAME])
            return await found.fetchone() == (True,)

    @asynccontextmanager
    async def alone(self, is_done: Callable[[], Awaitable[bool]]) -> AsyncIterator[None]:
        """Have no other worker beside this one, unless `is_done`, for what would harm it.

        Raises WorkersRunningError.
        """
        if await is_done():
            yield
            return
        conn = self._connection()
        until = _clock() + self.ALONE_WITHIN
        await self._unshare(conn)
        exclusive = False
        try:
            while not (exclusive := await _is_true(conn, "try_lease", Lease.NAME)):
                if await is_done():
                    break
                if _clock() >= until:
                    raise WorkersRunningError(str(await holder_of(conn, Lease.NAME)))
                await asyncio.sleep(self.PAUSE)
            if exclusive:
                await conn.execute(_QUERIES["try_lease"], [self.UPGRADE])
            yield
        finally:
            if exclusive:
                await conn.execute(_QUERIES["give_up"], [self.UPGRADE])
                await conn.execute(_QUERIES["give_up"], [Lease.NAME])
        await self._join()

    async def cluster(self) -> str:
        """What tells this database from all others."""
        row = await (await self._connection().execute(_QUERIES["cluster"])).fetchone()
        return str(row[0]) if row else ""

    async def start(self, database: Database, supervisor: Supervisor) -> None:
        """Begin to look who is there, and to say that this one gets on."""
        self._database = database
        await self._note(f"worker {self.mark}")
        self._tasks = supervisor.tasks(PartRole.INTAKE)
        await self._look()
        self._tasks.loop("keeping this worker's leases", self._keep)
        self._tasks.loop("this worker's heartbeat", self._beat)

    async def stop(self) -> None:
        """Look no more; the leases are given up at the end of the block."""
        await self._tasks.stop()

    # --- leases -------------------------------------------------------------------------------

    @property
    def sure(self) -> bool:
        """Whether the server answered a moment ago."""
        return self._conn is not None and _clock() - self._confirmed < self.SURE_FOR

    def watch(self, names: Iterable[str]) -> None:
        """Look who has these, too."""
        self._watched.update(names)

    async def looked(self) -> None:
        """Wait until somebody has looked who has what."""
        await self._seen.wait()

    def guard(self, name: str) -> LeaseGuard:
        """For what goes on while this worker has that lease, which it may not have yet."""

        def is_sure() -> bool:
            held = self._held.get(name)
            return held is not None and held.sure

        return LeaseGuard(name, self.mark, is_sure)

    def holder(self, name: str) -> WorkerSession | None:
        """Who had a lease at the last look."""
        return next((one for one in self.sessions if one.lease == name), None)

    def workers(self) -> int:
        """How many share the brokers."""
        return len({one.session for one in self.sessions if one.lease == self.INTAKE})

    def standing(self) -> list[WorkerStanding]:
        """Who was there at the last look, and with which leases."""
        leases: dict[tuple[str, str], set[str]] = {}
        for one in self.sessions:
            leases.setdefault((one.host, one.mark), set()).add(one.lease)
        return [
            WorkerStanding(mark, host, tuple(sorted(names - {Lease.NAME, self.INTAKE})))
            for (host, mark), names in sorted(leases.items())
        ]

    async def take(self, name: str) -> HeldLease | None:
        """Have a lease from now on; None where another has it, or the database is away."""
        if self._conn is None:
            return None
        try:
            if not await _is_true(self._conn, "try_lease", name):
                return None
        except psycopg.OperationalError:
            return None  # the next look sees it
        held = self._held[name] = HeldLease(name, self.mark, lambda: self.sure)
        try:
            await self._note(name)
        except DatabaseAwayError:
            await self.give_up(held)
            return None
        log.info("this worker has the lease %r", name)
        return held

    async def give_up(self, held: HeldLease) -> None:
        """Let another have it."""
        if self._held.get(held.name) is held:
            del self._held[held.name]
            held.lost.set()
            with contextlib.suppress(psycopg.OperationalError):
                if self._conn is not None:
                    await self._conn.execute(_QUERIES["give_up"], [held.name])
            log.info("this worker gives up the lease %r", held.name)

    # --- announcements ------------------------------------------------------------------------

    def on_announcement(self, heard: Callable[[str | None], None]) -> None:
        """Who hears what a worker says."""
        self._heard.append(heard)

    async def announce(self, text: str) -> None:
        """Say something to all workers, this one among them. Raises DatabaseAwayError."""
        async with self._database.nobody() as conn:
            await conn.execute(_QUERIES["announce"], [text])

    # --- keeping ------------------------------------------------------------------------------

    def _connection(self) -> Connection:
        if self._conn is None:
            raise DatabaseAwayError("the connection of this worker's leases is lost")
        return self._conn

    async def _join(self) -> None:
        """Share the database: at once, or for a standby when the hub that has it is gone."""
        told = False
        patient_until = _clock() + Lease.GRACE
        while True:
            conn = self._conn = self._conn or await self._connected()
            if await self._share(conn):
                self._confirmed = _clock()
                return
            holder = await holder_of(conn, Lease.NAME)
            # A worker that makes or upgrades the schema is done with it soon.
            upgrading = await holder_of(conn, self.UPGRADE)
            if upgrading is None and holder is not None and _clock() >= patient_until:
                if not self._standby.wanted:
                    raise LeaseHeldError(str(holder))
                if not told:
                    log.info("standing by: %s works on this database", holder)
                    told = True
            await asyncio.sleep(self.PAUSE)

    async def _share(self, conn: Connection) -> bool:
        if not await _is_true(conn, "try_share", Lease.NAME):
            return False
        for name in self._shared[1:]:
            await conn.execute(_QUERIES["try_share"], [name])
        return True

    async def _unshare(self, conn: Connection) -> None:
        for name in self._shared:
            await conn.execute(_QUERIES["give_up_share"], [name])

    async def _connected(self) -> Connection:
        conn = await direct_connection(self._url, self._cluster)
        conn.add_notify_handler(lambda notify: self._tell(notify.payload))
        await conn.execute(_QUERIES["listen"])
        return conn

    def _tell(self, text: str | None) -> None:
        for heard in self._heard:
            heard(text)

    async def _keep(self) -> None:
        """Look again and again; get everything back after a connection was lost."""
        while True:
            try:
                await self._look()
            except psycopg.OperationalError:
                log.warning("lost the connection that holds this worker's leases")
                await self._close()
                if not await self._regained():
                    return
                self._tell(None)
            await asyncio.sleep(self.PAUSE)

    async def _look(self) -> None:
        names = [Lease.NAME, self.INTAKE, *self._watched]
        found = await self._connection().execute(_QUERIES["holders"], [names])
        self.sessions = [WorkerSession.of(*row) for row in await found.fetchall()]
        self._confirmed = _clock()
        seen, self._seen = self._seen, asyncio.Event()
        seen.set()

    async def _regained(self) -> bool:
        """Back at the database, with what nobody took; False: a hub has it for itself now."""
        while True:
            try:
                # First, so that nobody takes one who comes back after a while for hung.
                await self._say_alive()
                conn = self._conn = self._conn or await self._connected()
                if await self._share(conn):
                    for held in list(self._held.values()):
                        await self._regain(conn, held)
                    self._confirmed = _clock()
                    return True
                holder = await holder_of(conn, Lease.NAME)
                if holder is not None:
                    self._standby.lost(LeaseHeldError(str(holder)))
                    return False
            except (psycopg.OperationalError, DatabaseError):
                await self._close()
            await asyncio.sleep(self.PAUSE)

    async def _regain(self, conn: Connection, held: HeldLease) -> None:
        """Ours still where nobody else had it meanwhile."""
        while not await _is_true(conn, "try_lease", held.name):
            found = await conn.execute(_QUERIES["holders"], [[held.name]])
            holders = [WorkerSession.of(*row) for row in await found.fetchall()]
            if any(one.mark != self.mark for one in holders):
                self._lost(held)
                return
            for one in holders:  # our own session of before, which the server still believes in
                await conn.execute(_QUERIES["end_session"], [one.session])
            await asyncio.sleep(0.05)
        if await self._silence(held.name, self.mark) is None:
            await conn.execute(_QUERIES["give_up"], [held.name])
            self._lost(held)

    def _lost(self, held: HeldLease) -> None:
        log.warning("another worker has the lease %r now", held.name)
        self._held.pop(held.name, None)
        held.lost.set()

    async def _note(self, name: str) -> None:
        """Write down who has a lease, once nobody commits under it any more."""
        async with self._database.nobody() as conn:
            await conn.execute(
                _QUERIES["take_lease"],
                [name, self.mark, self.host, os.getpid(), metadata.version("dormouse-home")],
            )

    async def _silence(self, name: str, mark: str) -> float | None:
        """How long ago (s) its holder's last heartbeat was; None where it has another."""
        async with self._database.nobody() as conn:
            row = await (await conn.execute(_QUERIES["noted_holder"], [name, mark])).fetchone()
        return None if row is None else float(row[4])

    async def _beat(self) -> None:
        """Say that this worker gets on, and end those that do not."""
        while True:
            with contextlib.suppress(DatabaseAwayError, psycopg.OperationalError):
                await self._say_alive()
                for one in [one for one in self.sessions if one.lease == Lease.NAME]:
                    if one.mark != self.mark:
                        await self._end_hung(one)
            await asyncio.sleep(self.HEARTBEAT)

    async def _say_alive(self) -> None:
        async with self._database.nobody() as conn:
            for name in (f"worker {self.mark}", *self._held):
                await conn.execute(_QUERIES["heartbeat"], [name, self.mark])

    async def _end_hung(self, one: WorkerSession) -> None:
        silent = await self._silence(f"worker {one.mark}", one.mark)
        if silent is not None and silent >= self.HUNG_AFTER and self._conn is not None:
            log.warning("a worker on %s has not got on for %.0f s: ended", one.host, silent)
            await self._conn.execute(_QUERIES["end_session"], [one.session])

    async def _close(self) -> None:
        if self._conn is not None:
            conn, self._conn = self._conn, None
            with contextlib.suppress(psycopg.Error):
                await conn.close()


async def _is_true(conn: Connection, query: str, name: str) -> bool:
    return await (await conn.execute(_QUERIES[query], [name])).fetchone() == (True,)
