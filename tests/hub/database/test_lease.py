"""One hub at a time on a database: the second is refused, or waits and takes over."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import AsyncExitStack
from importlib import metadata
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from hub.database.database import Database
from hub.database.errors import DatabaseError
from hub.database.lease.errors import LeaseHeldError, PoolerError
from hub.database.lease.lease import Lease
from hub.database.start import running
from hub.runtime.standby import Standby, StandbyEndedError
from hub.runtime.supervisor import Supervisor
from hub.settings import Settings
from tests.hub.database.bouncer import bouncer
from tests.support.broker import until
from tests.support.postgres import ClonedDatabase


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(Lease, "GRACE", 0.05)
    monkeypatch.setattr(Lease, "PAUSE", 0.01)


async def end_sessions(database: ClonedDatabase) -> None:
    async with await psycopg.AsyncConnection.connect(database.admin_url, autocommit=True) as conn:
        await conn.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name LIKE 'dormouse lease %'"""
        )


async def test_a_second_hub_is_refused_and_told_whose_the_database_is(database, store: Database):
    first = Lease()
    async with first.held(database.app_url):
        with pytest.raises(LeaseHeldError, match=f"a hub on {socket.gethostname()} .*since .* UTC"):
            async with Lease().held(database.app_url):
                pass
        await first.start(store, Supervisor())
        version = metadata.version("dormouse-home")
        # Whatever role it comes with.
        for url in (database.app_url, database.admin_url):
            with pytest.raises(LeaseHeldError, match=rf"pid {os.getpid()}, version {version}, s"):
                async with Lease().held(url):
                    pass
        await first.stop()
    async with Lease().held(database.app_url):
        pass


async def test_a_standby_takes_over_when_the_other_ends(database, caplog):
    caplog.set_level("INFO")
    async with AsyncExitStack() as first, AsyncExitStack() as second:
        await first.enter_async_context(Lease().held(database.app_url))
        waiting = asyncio.create_task(
            second.enter_async_context(Lease(Standby(wanted=True)).held(database.app_url))
        )
        await until(lambda: "standing by" in caplog.text)
        assert not waiting.done()
        await first.aclose()
        await waiting
        assert "this one takes over" in caplog.text
        with pytest.raises(LeaseHeldError):
            async with Lease().held(database.app_url):
                pass


async def test_a_standby_that_is_stopped_waits_no_longer(database, caplog):
    caplog.set_level("INFO")
    standby = Standby(wanted=True)
    async with Lease().held(database.app_url), AsyncExitStack() as second:
        waiting = asyncio.create_task(
            second.enter_async_context(Lease(standby).held(database.app_url))
        )
        await until(lambda: "standing by" in caplog.text)
        standby.stopped.set()
        with pytest.raises(StandbyEndedError):
            await waiting


async def test_a_cut_connection_is_had_again_unless_another_was_quicker(
    database, store: Database, caplog
):
    caplog.set_level("INFO")
    standby = Standby()
    lease = Lease(standby)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(lease.held(database.app_url))
        await lease.start(store, Supervisor())
        stack.push_async_callback(lease.stop)
        await end_sessions(database)
        await until(lambda: "lost the connection" in caplog.text)

        async def is_held() -> bool:
            return await lease.is_in(store)

        async with asyncio.timeout(60):
            while not await is_held():
                await asyncio.sleep(0.01)
        assert standby.failure is None
        # Where the database cannot be reached from here for a while, another is quicker.
        url, lease._url = lease._url, "host=127.0.0.1 port=1"
        await end_sessions(database)
        other = Lease(Standby(wanted=True))
        await stack.enter_async_context(other.held(database.app_url))
        await other.start(store, Supervisor())
        lease._url = url
        await until(standby.stopped.is_set)
        assert f"a hub on {socket.gethostname()} (pid {os.getpid()}, " in str(standby.failure)
        await other.stop()


async def test_a_hub_that_hangs_is_ended_by_its_standby(database, store: Database, caplog):
    lease = Lease()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(lease.held(database.app_url))
        await lease.start(store, Supervisor())
        await lease.stop()  # as one whose process is stopped
        async with await psycopg.AsyncConnection.connect(database.owner_url) as conn:
            await conn.execute("UPDATE dormouse.lease SET seen = seen - interval '11 s'")
        other = Lease(Standby(wanted=True))
        waiting = asyncio.create_task(stack.enter_async_context(other.held(database.app_url)))
        await waiting
        assert "has not got on for 12 s: it is ended" in caplog.text


async def test_the_heartbeat_goes_on_and_survives_a_database_that_is_away(
    database, store: Database, monkeypatch
):
    monkeypatch.setattr(Lease, "HEARTBEAT", 0.01)
    lease, supervisor = Lease(heartbeat=True), Supervisor()
    async with lease.held(database.app_url), store.nobody() as conn:
        await lease.start(store, supervisor)

        async def silence() -> float:
            query = "SELECT silent FROM dormouse.lease_holder(%s, %s)"
            row = await (await conn.execute(query, [lease.NAME, lease._mark])).fetchone()
            return row[0] if row else -1.0

        await conn.execute("SELECT pg_sleep(0.1)")
        assert 0 <= await silence() < 0.1
        await lease.stop()
    assert not supervisor.defects.all()


async def test_a_pooler_needs_the_servers_own_url_beside_it(server, tmp_path, server_folder: Path):
    """PgBouncer passes no options on, and gives the same lock to two."""
    database = await server.clone()
    other = await server.clone()
    try:
        async with bouncer(server, database, server_folder) as pooled:
            with pytest.raises(PoolerError, match="DORMOUSE_DATABASE_DIRECT_URL"):
                async with Lease().held(pooled):
                    pass
            with pytest.raises(PoolerError):
                async with running(Settings(data_dir=tmp_path, database_url=pooled), lease=Lease()):
                    pass
            async with running(Settings(data_dir=tmp_path, database_url=pooled)) as found:
                assert found.owner_url is None
            both = Settings(
                data_dir=tmp_path, database_url=pooled, database_direct_url=database.app_url
            )
            async with running(both, lease=Lease()) as found:
                assert await found.database.tenants() == ["home"]
            unknown = Settings(
                data_dir=tmp_path, database_url=pooled, database_direct_url=database.admin_url
            )
            with pytest.raises(DatabaseError, match="let the pooler know the role dormouse_hub_"):
                async with running(unknown, lease=Lease()):
                    pass
        mixed = Settings(
            data_dir=tmp_path, database_url=other.app_url, database_direct_url=database.app_url
        )
        with pytest.raises(DatabaseError, match="lead to different databases"):
            async with running(mixed, lease=Lease()):
                pass
    finally:
        await server.drop(database.name)
        await server.drop(other.name)


async def test_no_folder_takes_another_ones_role(database, tmp_path: Path):
    """Two machines with a superuser's URL: nobody's password is set anew."""
    roles = set()
    try:
        for folder in ("one", "two", "one"):
            settings = Settings(data_dir=tmp_path / folder, database_url=database.admin_url)
            async with running(settings) as found:
                roles.add(conninfo_to_dict(found.database.url)["user"])
        assert len(roles) == 2
        # A password file that no longer holds is left, and a role of its own made.
        (stored,) = (tmp_path / "two" / "secrets").glob("*.password")
        stored.write_text("0" * 32 + "\n")
        async with running(settings.model_copy(update={"data_dir": tmp_path / "two"})) as found:
            third = conninfo_to_dict(found.database.url)["user"]
        assert third not in roles
        roles.add(third)
    finally:
        async with await psycopg.AsyncConnection.connect(database.admin_url) as conn:
            for role in roles:
                await conn.execute(f"DROP OWNED BY {role}")
                await conn.execute(f"DROP ROLE {role}")
