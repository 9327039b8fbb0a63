"""Three machines on loopback, each with etcd, Patroni and Postgres, by the recipe of deploy/."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg

from hub.runtime.child import Account, run_as, spawn
from tests.support.hub import ROOT, until
from tests.support.ports import claimed_port

__all__ = ["PatroniCluster", "patroni_cluster"]

RECIPE = ROOT / "deploy" / "cluster"
_PASSWORD = "throw-away"
# s: a leader's key lasts 20; a loaded machine takes its time beside.
LIMIT_S = 240


def settings_of(name: str) -> dict[str, str]:
    """What a file of the recipe sets for services, as systemd reads it."""
    lines = (RECIPE / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@dataclass(eq=False)
class _Machine:
    name: str
    folder: Path
    ports: dict[str, int]
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    @property
    def rest(self) -> str:
        return f"http://127.0.0.1:{self.ports['rest']}"


@dataclass(eq=False)
class PatroniCluster:
    """Started by `start`; who takes writes changes by `kill_primary` and `switch_over`."""

    folder: Path
    account: Account | None
    machines: list[_Machine] = field(default_factory=list)

    @property
    def hosts(self) -> str:
        return ",".join(f"127.0.0.1:{one.ports['postgres']}" for one in self.machines)

    @property
    def url(self) -> str:
        """As hub.env has it."""
        query = settings_of("hub.env")["DORMOUSE_DATABASE_URL"].partition("?")[2]
        return f"postgresql://dormouse:{_PASSWORD}@{self.hosts}/dormouse?{query}"

    @property
    def read_url(self) -> str:
        query = settings_of("hub.env")["DORMOUSE_DATABASE_READ_URL"].partition("?")[2]
        return f"postgresql://{self.hosts}/dormouse?{query}"

    @property
    def superuser_url(self) -> str:
        query = "target_session_attrs=read-write"
        return f"postgresql://postgres:{_PASSWORD}@{self.hosts}/dormouse?{query}"

    async def start(self) -> None:
        for name in ("db1", "db2", "db3"):
            home = self.folder / name
            home.mkdir()
            if self.account is not None:
                os.chown(home, self.account.pw_uid, self.account.pw_gid)
            wanted = ("client", "peer", "rest", "postgres")
            ports = {what: claimed_port() for what in wanted}
            self.machines.append(_Machine(name, home, ports))
        for one in self.machines:
            await self._start_etcd(one)
        await until(self._etcd_answers, limit_s=LIMIT_S)
        for one in self.machines:
            await self.start_patroni(one)
        await self.settled()
        url = self.superuser_url.replace("/dormouse?", "/postgres?")
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
            await conn.execute(f"CREATE ROLE dormouse LOGIN CREATEROLE PASSWORD '{_PASSWORD}'")
            await conn.execute("CREATE DATABASE dormouse OWNER dormouse")

    async def stop(self) -> None:
        for one in self.machines:
            await self.kill(one)
            await self._end(one, "etcd")

    async def primary(self) -> _Machine | None:
        """The machine whose Patroni says that it takes writes."""
        for one in self.machines:
            if await self._says(one, "/primary"):
                return one
        return None

    async def settled(self) -> None:
        """Until one takes writes, and both others follow it, one of them synchronously."""

        async def is_settled() -> bool:
            self._check()
            if await self.primary() is None:
                return False
            replicas = [one for one in self.machines if await self._says(one, "/replica")]
            synchronous = [one for one in replicas if await self._says(one, "/sync")]
            return len(replicas) == 2 and len(synchronous) == 1

        try:
            await until(is_settled, limit_s=LIMIT_S, every_s=0.5)
        except TimeoutError:
            said = [self._said(one, "patroni") for one in self.machines]
            raise AssertionError("Patroni does not settle:\n" + "\n".join(said)) from None

    async def kill_primary(self) -> _Machine:
        """SIGKILL of Patroni and Postgres where writes are taken, as a power cut; that machine."""
        former = await until(self.primary, limit_s=LIMIT_S)
        await self.kill(former)

        async def another() -> bool:
            return await self.primary() not in {None, former}

        await until(another, limit_s=LIMIT_S, every_s=0.2)
        return former

    async def switch_over(self) -> None:
        """The primary hands over to its synchronous standby, as `patronictl switchover` does."""
        former = await until(self.primary, limit_s=LIMIT_S)
        async with httpx.AsyncClient(timeout=120) as client:
            answer = await client.post(
                f"{former.rest}/switchover",
                json={"leader": former.name},
                auth=("patroni", _PASSWORD),
            )
            assert answer.status_code in {200, 202}, answer.text

        async def another() -> bool:
            return await self.primary() not in {None, former}

        await until(another, limit_s=LIMIT_S, every_s=0.2)

    async def kill(self, one: _Machine) -> None:
        await self._end(one, "patroni")
        with contextlib.suppress(OSError, ValueError):
            pid = int((one.folder / "data" / "postmaster.pid").read_text().split()[0])
            if "postgres" in Path(f"/proc/{pid}/comm").read_text():
                os.kill(pid, signal.SIGKILL)

    async def start_patroni(self, one: _Machine) -> None:
        """Patroni by patroni.yml as it is; what differs on this machine by its environment."""
        postgres, rest = one.ports["postgres"], one.ports["rest"]
        settings = settings_of("patroni.env") | {
            "PATRONI_NAME": one.name,
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"127.0.0.1:{postgres}",
            "PATRONI_POSTGRESQL_LISTEN": f"127.0.0.1:{postgres}",
            "PATRONI_POSTGRESQL_DATA_DIR": str(one.folder / "data"),
            "PATRONI_POSTGRESQL_PGPASS": str(one.folder / "pgpass"),
            "PATRONI_RESTAPI_CONNECT_ADDRESS": f"127.0.0.1:{rest}",
            "PATRONI_RESTAPI_LISTEN": f"127.0.0.1:{rest}",
            "PATRONI_ETCD3_HOSTS": ",".join(
                f"127.0.0.1:{other.ports['client']}" for other in self.machines
            ),
            "PATRONI_SUPERUSER_PASSWORD": _PASSWORD,
            "PATRONI_REPLICATION_PASSWORD": _PASSWORD,
            "PATRONI_RESTAPI_PASSWORD": _PASSWORD,
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
        }
        recipe = one.folder / "patroni.yml"
        recipe.write_text((RECIPE / "patroni.yml").read_text())
        await self._begin(one, "patroni", ["/usr/bin/patroni", recipe], settings)

    async def _start_etcd(self, one: _Machine) -> None:
        client, peer = (f"http://127.0.0.1:{one.ports[what]}" for what in ("client", "peer"))
        settings = settings_of("etcd.env") | {
            "ETCD_NAME": one.name,
            "ETCD_DATA_DIR": str(one.folder / "etcd"),
            "ETCD_LISTEN_CLIENT_URLS": client,
            "ETCD_ADVERTISE_CLIENT_URLS": client,
            "ETCD_LISTEN_PEER_URLS": peer,
            "ETCD_INITIAL_ADVERTISE_PEER_URLS": peer,
            "ETCD_INITIAL_CLUSTER": ",".join(
                f"{other.name}=http://127.0.0.1:{other.ports['peer']}" for other in self.machines
            ),
        }
        await self._begin(one, "etcd", ["/usr/bin/etcd"], settings)

    def _check(self) -> None:
        """That all go on that were begun: what one said that ended is in the error."""
        for one in self.machines:
            for what, process in one.processes.items():
                if process.returncode is not None:
                    said = self._said(one, what)
                    raise AssertionError(f"{what} of {one.name} ended by itself:\n{said}")

    def _said(self, one: _Machine, what: str) -> str:
        return (self.folder / f"{one.name}-{what}.log").read_text()[-2000:]

    async def _etcd_answers(self) -> bool:
        self._check()
        async with httpx.AsyncClient(timeout=5) as client:
            with contextlib.suppress(httpx.HTTPError):
                port = self.machines[0].ports["client"]
                answer = await client.get(f"http://127.0.0.1:{port}/health")
                return answer.json().get("health") == "true"
        return False

    async def _says(self, one: _Machine, path: str) -> bool:
        async with httpx.AsyncClient(timeout=5) as client:
            with contextlib.suppress(httpx.HTTPError):
                return (await client.get(one.rest + path)).status_code == 200
        return False

    async def _begin(
        self, one: _Machine, what: str, argv: list[str | Path], settings: dict[str, str]
    ) -> None:
        with (self.folder / f"{one.name}-{what}.log").open("ab") as log:
            one.processes[what] = await spawn(
                argv,
                account=self.account,
                death_signal=signal.SIGKILL,
                cwd=one.folder,
                env=settings,
                output=log.fileno(),
            )

    async def _end(self, one: _Machine, what: str) -> None:
        process = one.processes.pop(what, None)
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def patroni_cluster(folder: Path) -> AsyncIterator[PatroniCluster]:
    """All running, one of them the primary."""
    cluster = PatroniCluster(folder, run_as("nobody"))
    try:
        await cluster.start()
        yield cluster
    finally:
        await cluster.stop()
