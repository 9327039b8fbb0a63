"""All servers that the settings name are of one cluster, told by its system identifier.

Two clusters have different readings under the same numbers: what goes from one to the other by a
failover that was none would be acknowledged here and looked for there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from hub.database.errors import DatabaseError
from hub.database.queries import Queries
from hub.runtime.supervisor import PartRole, Supervisor, Tasks

__all__ = ["ForeignClusterError", "MixedClustersError", "NamedServer", "OneCluster", "servers_of"]

log = logging.getLogger(__name__)

_QUERIES = Queries.of("hub.database")
_NAME = "dormouse looks"
_PATIENCE_S = 3
# What says which server of a URL is meant; nothing of it holds for one by itself.
_WHICH = ("host", "hostaddr", "port", "target_session_attrs", "load_balance_hosts")


class MixedClustersError(DatabaseError):
    """The settings name servers of two clusters."""

    def __init__(self, one: NamedServer, first: int, other: NamedServer, second: int) -> None:
        settings = " and ".join(dict.fromkeys((one.setting, other.setting)))
        super().__init__(
            f"{settings}: {one.name} and {other.name} are of two Postgres clusters (system "
            f"identifiers {first} and {second}): name a primary and its standbys alone"
        )


class ForeignClusterError(DatabaseError):
    """A connection led to another cluster than the one that is worked on."""

    def __init__(self, server: str, found: int, ours: int) -> None:
        super().__init__(
            f"{server} is of another Postgres cluster (system identifier {found}) than the one "
            f"that this hub works on ({ours}): nothing is read or written there; make it a standby "
            "of that one, or take it out of the settings"
        )


@dataclass(frozen=True, slots=True)
class NamedServer:
    """One of the servers that a setting names, and a URL that leads to it alone."""

    setting: str
    name: str
    url: str


class OneCluster:
    """The cluster that is worked on: the first that answers.

    `examine` refuses settings that name another. A server that was away then is asked again until
    it was seen (between `start` and `stop`), and no connection to a foreign one is let in.
    """

    # s: between two looks at servers that were not seen yet, or are foreign.
    PAUSE = 15.0

    def __init__(self) -> None:
        self.identifier: int | None = None
        self.foreign: dict[str, str] = {}
        """What is wrong with which server, as far as it is known."""
        self._unseen: dict[str, NamedServer] = {}
        self._tasks: Tasks | None = None

    async def examine(self, urls: Mapping[str, str]) -> None:
        """Ask each server of these URLs, by their settings, which cluster it is of.

        One that is away, or lets us not in, is no reason to raise. Raises MixedClustersError.
        """
        servers = [one for setting, url in urls.items() for one in servers_of(setting, url)]
        named = {one.name: one for one in servers}
        if len(named) < 2 and self.identifier is None:
            return  # its connections say it
        found = await asyncio.gather(*(_identifier_at(one) for one in named.values()))
        first: tuple[NamedServer, int] | None = None
        for one, identifier in zip(named.values(), found, strict=True):
            if identifier is None:
                self._unseen[one.name] = one
                continue
            first = first or (one, identifier)
            if identifier != first[1]:
                raise MixedClustersError(*first, one, identifier)
        if first is not None:
            if self.identifier not in (None, first[1]):
                raise ForeignClusterError(first[0].name, first[1], self.identifier or 0)
            self.identifier = first[1]

    async def admit(self, conn: AsyncConnection[TupleRow]) -> None:
        """Look where a new connection leads. Raises ForeignClusterError, and it is closed."""
        found = await _identifier(conn)
        try:
            self._judge(f"{conn.info.host}:{conn.info.port}", found)
        except ForeignClusterError:
            await conn.close()
            raise

    def fit(self, url: str) -> str:
        """The URL without servers that are known to be foreign, where others are left."""
        facts: dict[str, Any] = conninfo_to_dict(url)
        servers = _split(facts)
        kept = [one for one in servers if _name(one) not in self.foreign]
        if not kept or len(kept) == len(servers):
            return url
        for key in _SERVER_KEYS:
            if any(key in one for one in kept):
                facts[key] = ",".join(one.get(key, "") for one in kept)
        return make_conninfo(**facts)

    async def start(self, supervisor: Supervisor) -> None:
        """Look for those that were not seen, until `stop`."""
        self._tasks = supervisor.tasks(PartRole.DUTIES)
        self._tasks.loop("looking at the database's servers", self._keep_looking)

    async def stop(self) -> None:
        """Look no more."""
        if self._tasks is not None:
            await self._tasks.stop()

    async def _keep_looking(self) -> None:
        while True:
            for one in list(self._unseen.values()):
                found = await _identifier_at(one)
                if found is None:
                    continue
                try:
                    self._judge(one.name, found)
                except ForeignClusterError:
                    continue  # it may be made anew, as a standby
                del self._unseen[one.name]
            await asyncio.sleep(self.PAUSE)

    def _judge(self, name: str, found: int | None) -> None:
        """Raises ForeignClusterError."""
        if found is None:
            return
        self.identifier = ours = self.identifier or found
        if found == ours:
            if self.foreign.pop(name, None):
                log.info("%s is of this hub's Postgres cluster now", name)
            return
        error = ForeignClusterError(name, found, ours)
        if name not in self.foreign:
            log.error("%s", error)
        self.foreign[name] = str(error)
        raise error


_SERVER_KEYS = ("host", "hostaddr", "port")


def servers_of(setting: str, url: str) -> list[NamedServer]:
    """The servers that a URL names; none where it leaves that to the environment."""
    facts = conninfo_to_dict(url)
    rest: dict[str, Any] = {key: value for key, value in facts.items() if key not in _WHICH}
    rest |= {"connect_timeout": _PATIENCE_S, "application_name": _NAME}
    return [NamedServer(setting, _name(one), make_conninfo(**rest, **one)) for one in _split(facts)]


def _split(facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """Host, address and port of each server, as libpq pairs them."""
    lists = {key: str(facts[key]).split(",") for key in _SERVER_KEYS if facts.get(key)}
    count = max((len(lists[key]) for key in ("host", "hostaddr") if key in lists), default=0)
    return [
        {key: one for key, many in lists.items() if (one := many[min(number, len(many) - 1)])}
        for number in range(count)
    ]


def _name(server: Mapping[str, str]) -> str:
    """As a connection to it says."""
    return f"{server.get('host') or server.get('hostaddr')}:{server.get('port', '5432')}"


async def _identifier_at(server: NamedServer) -> int | None:
    """Of which cluster it is; None where it does not say."""
    try:
        async with await AsyncConnection.connect(server.url, autocommit=True) as conn:
            return await _identifier(conn)
    except psycopg.OperationalError:
        return None


async def _identifier(conn: AsyncConnection[TupleRow]) -> int | None:
    try:
        row = await (await conn.execute(_QUERIES["system_identifier"])).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        row = None  # whoever runs the server keeps it to himself
    await conn.rollback()
    return None if row is None else int(row[0])
