"""Who has a lease, as its database tells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from hub.database.database import Connection
from hub.database.queries import Queries

__all__ = ["LeaseHolder", "WorkerSession", "WorkerStanding", "holder_of", "session_name"]

_QUERIES = Queries.of("hub.database.lease")
_SESSION = "dormouse lease"
# Postgres keeps 63 bytes of an application's name.
_LONGEST_NAME = 63


@dataclass(frozen=True, slots=True)
class LeaseHolder:
    """A hub that has a lease; `pid` and `version` are unknown until it has written them down.

    `session` is the process of Postgres that holds the lock, `silent` how long ago its last
    heartbeat was (s), None for one that has none.
    """

    mark: str
    session: int
    host: str
    since: datetime
    pid: int | None = None
    version: str | None = None
    silent: float | None = None

    def __str__(self) -> str:
        facts = [f"since {self.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"]
        if self.version is not None:
            facts.insert(0, f"pid {self.pid}, version {self.version}")
        return f"a hub on {self.host} ({', '.join(facts)})"


@dataclass(frozen=True, slots=True)
class WorkerSession:
    """A worker's session that has a lease: the process of Postgres, its mark, its machine."""

    lease: str
    session: int
    mark: str
    host: str

    @classmethod
    def of(cls, lease: str, session: int, called: str) -> WorkerSession:
        """From the name of the session."""
        mark, _, host = called.removeprefix(f"{_SESSION} ").partition(" ")
        return cls(lease, session, mark, host)


@dataclass(frozen=True, slots=True)
class WorkerStanding:
    """A worker that is there: its mark, its machine, the leases that it has."""

    mark: str
    host: str
    leases: tuple[str, ...]


def session_name(mark: str, host: str) -> str:
    """What the session that holds a lease is called in Postgres, for others to see."""
    start = f"{_SESSION} {mark} "
    return start + host.encode()[: _LONGEST_NAME - len(start)].decode(errors="ignore")


async def holder_of(conn: Connection, name: str) -> LeaseHolder | None:
    """Who has the lease now; None when nobody has."""
    row = await (await conn.execute(_QUERIES["session_of_holder"], [name])).fetchone()
    if row is None:
        return None
    session, called, client, since = row
    mark, _, host = called.removeprefix(f"{_SESSION} ").partition(" ")
    holder = LeaseHolder(mark, session, host or client or "a machine that does not say", since)
    if await (await conn.execute(_QUERIES["may_read_holder"])).fetchone() != (True,):
        return holder
    noted = await (await conn.execute(_QUERIES["noted_holder"], [name, mark])).fetchone()
    if noted is None:
        return holder
    host, pid, version, since, silent = noted
    return LeaseHolder(mark, session, host, since, pid, version, silent)
