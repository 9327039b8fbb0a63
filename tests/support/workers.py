"""Several workers as processes of their own, on one database of the test session's Postgres."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psycopg

from tests.support.hub import START_S, HubProcess
from tests.support.postgres import ClonedDatabase, Server

__all__ = ["WorkerProcess", "Workers"]


class WorkerProcess(HubProcess):
    """A worker: it is up when its log says so; hub.json is there while it has the duties."""

    _waiting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start, and wait until it takes part."""
        if self._waiting is not None:
            self._waiting.cancel()
            await asyncio.gather(self._waiting, return_exceptions=True)
        before = self._ups()
        starting = asyncio.create_task(super().start())
        try:
            async with asyncio.timeout(START_S):
                while self._ups() == before and not starting.done():
                    await asyncio.sleep(0.02)
            if starting.done():
                await starting
        finally:
            self._waiting = starting

    async def front(self) -> None:
        """Until it has the duties."""
        assert self._waiting is not None
        await self._waiting

    async def ask(self, method: str, path: str, **request: Any) -> Any:
        """See HubProcess.ask."""
        await self.front()
        return await super().ask(method, path, **request)

    async def kill(self) -> None:
        """See HubProcess.kill."""
        await super().kill()
        if self._waiting is not None:
            await asyncio.gather(self._waiting, return_exceptions=True)

    def consumes(self, port: int) -> bool:
        """Whether it was subscribed at a broker: from then on what comes waits for workers."""
        return f"messages of 127.0.0.1:{port} are taken in" in self.log.read_text()

    def _ups(self) -> int:
        return self.log.read_text().count("this worker is up") if self.log.exists() else 0


class Workers:
    """Workers of one database and the brokers at these ports, until the end of the block."""

    def __init__(self, server: Server, folder: Path, ports: list[int]) -> None:
        self._server, self._folder = server, folder
        self._urls = ",".join(f"mqtt://127.0.0.1:{port}" for port in ports)
        self._all: list[WorkerProcess] = []
        self.database: ClonedDatabase

    async def __aenter__(self) -> Self:
        self.database = await self._server.clone()
        return self

    async def __aexit__(self, *_: object) -> None:
        for one in self._all:
            if one.process is not None and one.process.returncode is None:
                await one.kill()
            if one.log.exists():
                print(one.log.read_text(), file=sys.stderr)
        await self._server.drop(self.database.name)
        async with await self._connection() as conn:
            found = await conn.execute(
                "SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)",
                [f"dormouse_hub_{self.database.name}"],
            )
            for (role,) in await found.fetchall():
                await conn.execute(f'DROP ROLE "{role}"')

    def process(self, name: str, *, within: Sequence[str] = (), **settings: str) -> WorkerProcess:
        """One that is not started."""
        folder = self._folder / f"{self.database.name}-{name}"
        folder.mkdir(mode=0o711, exist_ok=True)
        given = {"DATABASE_URL": self.database.admin_url, "MQTT_URL": self._urls, **settings}
        self._all.append(WorkerProcess(folder, within=within, **given))
        return self._all[-1]

    async def start(self, name: str, **settings: str) -> WorkerProcess:
        """One that takes part."""
        worker = self.process(name, **settings)
        await worker.start()
        return worker

    async def cells(self) -> dict[str, int]:
        """Which process has which broker."""
        return await self.held("cell ")

    async def held(self, start: str) -> dict[str, int]:
        """Which process has which of the leases whose names start so."""
        async with await self._connection(self.database.admin_url) as conn:
            found = await conn.execute(
                """SELECT name, pid FROM dormouse.lease
                   WHERE starts_with(name, %s) AND EXISTS (
                       SELECT FROM pg_locks
                       WHERE locktype = 'advisory' AND granted
                           AND (classid::bigint << 32 | objid::bigint) = hashtextextended(name, 0))
                """,
                [start],
            )
            return dict(await found.fetchall())

    async def shared(self, *workers: WorkerProcess) -> bool:
        """Whether each of these has a broker, and nobody else has any; all are subscribed to."""
        there = {one.process.pid: one for one in workers if one.process is not None}
        cells = await self.cells()
        return set(cells.values()) == there.keys() and all(
            any(one.consumes(int(name.rpartition(":")[2])) for one in there.values())
            for name in cells
        )

    async def stored(self, readings: Mapping[str, int]) -> bool:
        """Whether the database has so many readings of each of these devices, and none twice."""
        async with await self._connection(self.database.admin_url) as conn:
            found = await conn.execute(
                # The values of these tests tell readings apart.
                """SELECT d.key, count(*), count(DISTINCT r.value)
                   FROM dormouse.reading r
                   JOIN dormouse.series s ON (s.tenant_id, s.id) = (r.tenant_id, r.series_id)
                   JOIN dormouse.device d ON (d.tenant_id, d.id) = (s.tenant_id, s.device_id)
                   GROUP BY 1"""
            )
            counts = {name: (n, distinct) for name, n, distinct in await found.fetchall()}
        return all(counts.get(device) == (n, n) for device, n in readings.items())

    async def count(self) -> int:
        """How many readings are stored."""
        async with await self._connection(self.database.admin_url) as conn:
            found = await conn.execute("SELECT count(*) FROM dormouse.reading")
            return sum([number async for (number,) in found])

    async def numbers(self) -> dict[str, list[int]]:
        """The values stored of each device, in the order of their times."""
        async with await self._connection(self.database.admin_url) as conn:
            found = await conn.execute(
                """SELECT d.key, array_agg(r.value::int ORDER BY r.at, r.value)
                   FROM dormouse.reading r
                   JOIN dormouse.series s ON (s.tenant_id, s.id) = (r.tenant_id, r.series_id)
                   JOIN dormouse.device d ON (d.tenant_id, d.id) = (s.tenant_id, s.device_id)
                   GROUP BY 1"""
            )
            return dict(await found.fetchall())

    async def devices_of(self, tenant: str) -> set[str]:
        """The devices of which a tenant has readings."""
        async with await self._connection(self.database.admin_url) as conn:
            found = await conn.execute(
                """SELECT DISTINCT d.key FROM dormouse.reading r
                   JOIN dormouse.series s ON (s.tenant_id, s.id) = (r.tenant_id, r.series_id)
                   JOIN dormouse.device d ON (d.tenant_id, d.id) = (s.tenant_id, s.device_id)
                   WHERE r.tenant_id = dormouse.tenant_id(%s)""",
                [tenant],
            )
            return {key for (key,) in await found.fetchall()}

    async def cut(self, worker: WorkerProcess) -> None:
        """End the connection that holds a worker's leases."""
        assert worker.process is not None
        async with await self._connection(self.database.admin_url) as conn:
            await conn.execute(
                """SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a, dormouse.lease l
                   WHERE l.pid = %s AND starts_with(l.name, 'worker ')
                       AND a.application_name LIKE 'dormouse lease ' || l.holder || ' %%'""",
                [worker.process.pid],
            )

    async def ids_given_twice(self) -> list[str]:
        """HomeKit ids that more than one device of a bridge has."""
        async with await self._connection(self.database.admin_url) as conn:
            found = await conn.execute(
                """SELECT value->>'bridge' || ' ' || (value->>'aid') FROM dormouse.key_value
                   WHERE area = 'accessory' GROUP BY tenant_id, 1 HAVING count(*) > 1"""
            )
            return [one for (one,) in await found.fetchall()]

    async def _connection(self, url: str = "") -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(
            url or self._server.postgres.admin_url, autocommit=True
        )
