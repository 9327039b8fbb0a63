"""Servers of two real clusters: settings that mix them are refused, a foreign one is shut out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hub.database.database import Database
from hub.database.errors import DatabaseAwayError
from hub.database.lease.lease import Lease
from hub.database.one_cluster import (
    ForeignClusterError,
    MixedClustersError,
    OneCluster,
    servers_of,
)
from hub.database.start import running
from hub.runtime.child import run_as, spawn
from hub.runtime.supervisor import Supervisor
from hub.settings import Settings
from tests.support.broker import until
from tests.support.postgres import DEBIAN, reachable_folder


class Foreign:
    """Another cluster, with the same role and a database of the same name; not started."""

    def __init__(self, folder: Path, database) -> None:
        self._data, self._account = folder / "data", run_as("nobody")
        self._facts = conninfo_to_dict(database.app_url)
        self.host = str(folder)

    @property
    def url(self) -> str:
        return make_conninfo(**{**self._facts, "host": self.host})

    async def make(self) -> None:
        owner = self._facts["user"]
        await self._run("initdb", "-D", self._data, "-U", owner, "--auth", "trust", "--no-sync")

    async def start(self) -> None:
        self._child = await spawn(
            [DEBIAN / "postgres", "-D", self._data, "-k", self.host, "-h", "", "-F"],
            account=self._account,
            death_signal=signal.SIGQUIT,
            cwd=self._data.parent,
            output=asyncio.subprocess.DEVNULL,
        )
        url = make_conninfo(self.url, dbname="postgres")

        async def made() -> bool:
            try:
                async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
                    await conn.execute(f'CREATE DATABASE "{self._facts["dbname"]}"')
            except psycopg.OperationalError:
                return False
            return True

        while not await made():
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        if hasattr(self, "_child"):
            self._child.kill()
            await self._child.wait()

    async def _run(self, program: str, *arguments: str | Path) -> None:
        command = [DEBIAN / program, *arguments]
        child = await spawn(command, account=self._account, cwd=self._data.parent)
        output, _ = await child.communicate()
        if child.returncode:
            raise subprocess.SubprocessError(output.decode(errors="replace"))


@pytest.fixture
async def foreign(database) -> AsyncIterator[Foreign]:
    with reachable_folder() as folder:
        account = run_as("nobody")
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        found = Foreign(folder, database)
        await found.make()
        yield found
        await found.stop()


def test_each_server_of_a_url_by_itself():
    url = (
        "postgresql://hub:pw@one,two:6000/dormouse?target_session_attrs=read-write&sslmode=require"
    )
    one, two = servers_of("URL", url)
    assert (one.name, two.name) == ("one:5432", "two:6000")
    facts = conninfo_to_dict(two.url)
    assert (facts["host"], facts["port"], facts["sslmode"]) == ("two", "6000", "require")
    assert "target_session_attrs" not in facts
    assert [one.name for one in servers_of("URL", "host=/a,/b port=77 dbname=x")] == [
        "/a:77",
        "/b:77",
    ]
    assert servers_of("URL", "dbname=x") == []


async def tenants(store: Database) -> list[str]:
    """By whichever connection has not ended yet."""
    while True:
        with contextlib.suppress(DatabaseAwayError):
            return await store.tenants()


async def test_a_foreign_server_is_refused_at_start_and_shut_out_later(
    database, foreign: Foreign, tmp_path: Path, caplog, monkeypatch
):
    monkeypatch.setattr(OneCluster, "PAUSE", 0.05)
    # Ours by a name that can go away, as a machine does.
    facts = conninfo_to_dict(database.app_url)
    port = facts.get("port", "5432")
    ours = Path(foreign.host) / "ours"
    ours.symlink_to(facts["host"])
    both = make_conninfo(**{**facts, "host": f"{foreign.host},{ours}"})
    settings = Settings(data_dir=tmp_path, database_url=both)
    lease, supervisor = Lease(), Supervisor()
    async with running(settings, lease=lease) as found:
        cluster, store = found.cluster, found.database
        assert cluster is not None
        assert cluster.identifier is not None
        await cluster.start(supervisor)
        # It was away; once it is there it is seen, and passed by.
        await foreign.start()
        await until(lambda: cluster.foreign)
        assert f"{foreign.host}:{port} is of another Postgres cluster (system id" in caplog.text
        async with Database(both, cluster=cluster) as other:
            assert await other.tenants() == ["home"]
        # It is the only one that is left: nothing is asked of it.
        ours.unlink()
        async with await psycopg.AsyncConnection.connect(database.admin_url) as conn:
            await conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        cluster.foreign.clear()  # as a hub that has not heard of it yet
        caplog.clear()
        asked = asyncio.create_task(tenants(store))
        await until(lambda: "nothing is read or written there" in caplog.text)
        assert not asked.done()
        with pytest.raises(ForeignClusterError):
            await cluster.admit(await psycopg.AsyncConnection.connect(foreign.url))
        ours.symlink_to(facts["host"])
        assert await asked == ["home"]
        await cluster.stop()

    # Both are there at the start: in one list, in two settings, or the standby's.
    said = rf"two Postgres clusters \(system identifiers \d+ and {cluster.identifier}\)"
    for mixed in (
        {"database_url": both},
        {"database_url": foreign.url, "database_direct_url": database.app_url},
    ):
        with pytest.raises(MixedClustersError, match=f"DORMOUSE_DATABASE_.*{said}"):
            async with running(Settings(data_dir=tmp_path, **mixed), lease=Lease()):
                pass
    standby = f"{ours},{foreign.host}"
    read_url = make_conninfo(**{**facts, "host": standby, "target_session_attrs": "prefer-standby"})
    reads = Settings(data_dir=tmp_path, database_url=database.app_url, database_read_url=read_url)
    with pytest.raises(MixedClustersError, match=r"DORMOUSE_DATABASE_READ_URL: .* a primary and"):
        async with running(reads, lease=Lease()):
            pass
