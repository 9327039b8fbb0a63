from __future__ import annotations

import asyncio
import os
import pwd
import signal
import stat
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from hub.database.database import Database
from hub.database.errors import (
    DatabaseError,
    OtherMajorError,
    SchemaOutdatedError,
    UnreachableFolderError,
    UnsafeRoleError,
)
from hub.database.migrate import migrate
from hub.database.orphan import working_in
from hub.database.postgres import Postgres, _refuse_unreachable
from hub.database.roles import drop_databases
from hub.database.start import running
from hub.settings import Settings
from tests.support.postgres import DEBIAN, FAST


async def answer(url: str, query: str = "SELECT 1") -> object:
    async with await psycopg.AsyncConnection.connect(url) as conn:
        row = await (await conn.execute(query)).fetchone()
        return row and row[0]


async def until_answers(url: str, timeout: float = 30) -> None:
    async def attempt() -> None:
        while True:
            try:
                await answer(url)
            except psycopg.OperationalError:
                await asyncio.sleep(0.02)
            else:
                return

    await asyncio.wait_for(attempt(), timeout)


async def test_who_is_just_leaving_a_scratch_database_is_not_thrown_out(database):
    """A backend is still there for a moment after its connection was closed."""
    scratch = "leaving_1"
    url = make_conninfo(database.admin_url, dbname=scratch)
    async with (
        await psycopg.AsyncConnection.connect(database.admin_url, autocommit=True) as admin,
        await psycopg.AsyncConnection.connect(database.admin_url, autocommit=True) as looking,
    ):
        await admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(scratch)))
        inside = await psycopg.AsyncConnection.connect(url, autocommit=True)
        dropping = asyncio.create_task(drop_databases(admin, scratch))
        waits = "SELECT wait_event FROM pg_stat_activity WHERE pid = %s AND query LIKE 'DROP%%'"
        while (await (await looking.execute(waits, [admin.info.backend_pid])).fetchone()) is None:
            await asyncio.sleep(0.01)
        await inside.execute("SELECT 1")
        await inside.close()
        await dropping
        left = "SELECT count(*) FROM pg_database WHERE datname = %s"
        assert await (await looking.execute(left, [scratch])).fetchone() == (0,)


async def test_starts_answers_keeps_data_and_leaves_nothing(server_folder: Path):
    folder = server_folder / "life"
    async with Postgres(folder, tuning=FAST) as postgres:
        async with await psycopg.AsyncConnection.connect(postgres.owner_url) as conn:
            await conn.execute("CREATE SCHEMA s CREATE TABLE t (n integer)")
            await conn.execute("INSERT INTO s.t VALUES (7)")
        pid = postgres.pid
        listening = await answer(postgres.admin_url, "SHOW listen_addresses")
        assert listening == ""
    assert not Path(f"/proc/{pid}").exists()
    async with Postgres(folder, tuning=FAST) as postgres:
        assert await answer(postgres.owner_url, "SELECT n FROM s.t") == 7
    assert working_in(folder / "cluster" / "data") == set()


async def test_secrets_and_socket_are_private(server_folder: Path):
    folder = server_folder / "private"
    async with Postgres(folder, tuning=FAST):
        for path in (folder / "secrets").iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE((folder / "secrets").stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "cluster" / "run").stat().st_mode) == 0o700
        rules = (folder / "cluster/data/pg_hba.conf").read_text().splitlines()
        methods = {line.split()[-1] for line in rules if line and not line.startswith("#")}
        assert methods == {"scram-sha-256"}
        assert not any("password" in line for line in _command_lines(folder))


def _command_lines(folder: Path) -> list[str]:
    secrets = [path.read_text().strip() for path in (folder / "secrets").iterdir()]
    lines = [p.read_bytes().decode(errors="replace") for p in Path("/proc").glob("[0-9]*/cmdline")]
    return ["password" for line in lines for secret in secrets if secret in line]


async def test_a_wrong_password_is_refused(server):
    wrong = psycopg.conninfo.make_conninfo(server.postgres.app_url, password="0" * 32)
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        await answer(wrong)


async def test_a_killed_postgres_is_started_again(server_folder: Path):
    async with Postgres(server_folder / "killed", tuning=FAST) as postgres:
        first = postgres.pid
        os.kill(first, signal.SIGKILL)
        while postgres.pid in {first, None}:
            await asyncio.sleep(0.01)
        await until_answers(postgres.app_url)
        assert postgres.restarts >= 1
    assert working_in(server_folder / "killed" / "cluster" / "data") == set()


async def test_one_that_an_earlier_hub_left_is_ended(server_folder: Path):
    folder = server_folder / "orphan"
    earlier = Postgres(folder, tuning=FAST)
    await earlier.start()
    orphan = earlier.pid
    earlier.child._watch.cancel()  # as if that hub had been killed without its children
    async with Postgres(folder, tuning=FAST) as postgres:
        await until_answers(postgres.app_url)
        assert postgres.pid != orphan
        assert not Path(f"/proc/{orphan}/cwd").exists()


async def test_a_pid_file_with_a_foreign_number_does_not_stop_it(server_folder: Path):
    folder = server_folder / "stale"
    async with Postgres(folder, tuning=FAST) as postgres:
        text = (postgres._data / "postmaster.pid").read_text()
    (folder / "cluster/data/postmaster.pid").write_text(
        "\n".join([str(os.getpid()), *text.splitlines()[1:]]) + "\n"
    )
    os.chown(
        folder / "cluster/data/postmaster.pid",
        (folder / "cluster/data").stat().st_uid,
        (folder / "cluster/data").stat().st_gid,
    )
    async with Postgres(folder, tuning=FAST) as postgres:
        await until_answers(postgres.app_url)


async def test_a_long_path_gets_a_short_socket(server_folder: Path):
    folder = server_folder / ("long-" * 20)
    async with Postgres(folder, tuning=FAST) as postgres:
        await until_answers(postgres.app_url)
        short = postgres._short_sockets
        assert short is not None
        assert stat.S_IMODE(short.stat().st_mode) == 0o700
    assert not short.exists()


async def test_a_superuser_is_refused(server, database):
    with pytest.raises(UnsafeRoleError, match="is a superuser"):
        async with Database(database.admin_url):
            pass


async def test_a_role_that_may_become_one_that_sees_everything_is_refused(server, database):
    async with await psycopg.AsyncConnection.connect(database.admin_url, autocommit=True) as conn:
        await conn.execute("CREATE ROLE sees_all BYPASSRLS")
        await conn.execute("CREATE ROLE innocent LOGIN PASSWORD 'x' IN ROLE sees_all")
        try:
            url = psycopg.conninfo.make_conninfo(database.app_url, user="innocent", password="x")
            await conn.execute(f"GRANT CONNECT ON DATABASE {database.name} TO innocent")
            with pytest.raises(UnsafeRoleError, match="may become sees_all, which has BYPASSRLS"):
                async with Database(url):
                    pass
        finally:
            await conn.execute(f"REVOKE ALL ON DATABASE {database.name} FROM innocent")
            await conn.execute("DROP ROLE innocent")
            await conn.execute("DROP ROLE sees_all")


async def test_migrating_twice_changes_nothing(database):
    await migrate(database.owner_url)


async def test_wrong_programs_for_the_data_are_named(server_folder: Path):
    folder = server_folder / "versions"
    async with Postgres(folder, tuning=FAST):
        pass
    with pytest.raises(OtherMajorError, match="are of Postgres 18, the programs here are of 15"):
        await Postgres(folder, programs=DEBIAN, tuning=FAST).start()


def test_a_folder_closed_to_the_other_user_is_named(tmp_path: Path):
    tmp_path.chmod(0o700)
    with pytest.raises(UnreachableFolderError, match="user nobody cannot reach"):
        _refuse_unreachable(tmp_path / "data", pwd.getpwnam("nobody"))


async def test_any_postgres_by_its_url(server, tmp_path: Path):
    name = "external"
    await server._execute("CREATE DATABASE {}", name)
    settings = Settings(data_dir=tmp_path, database_url=server.database(name).admin_url)
    try:
        for _ in range(2):
            async with running(settings) as found:
                assert found.postgres is None
                assert await found.database.tenants() == ["home"]
                app = Settings(data_dir=tmp_path, database_url=found.database.url)
                async with running(app) as as_application:
                    assert as_application.owner_url is None
    finally:
        await server.drop(name)
        async with await psycopg.AsyncConnection.connect(server.postgres.admin_url) as conn:
            await conn.execute(f"DROP ROLE dormouse_hub_{name}")


async def test_a_database_that_was_not_migrated_is_refused(server, tmp_path: Path):
    await server._execute("CREATE DATABASE {}", "empty")
    try:
        with pytest.raises(SchemaOutdatedError, match="schema is missing"):
            async with Database(server.database("empty").app_url):
                pass
    finally:
        await server.drop("empty")


async def test_a_database_that_is_not_there_is_one_line(tmp_path: Path):
    settings = Settings(data_dir=tmp_path, database_url="postgresql://x@127.0.0.1:1/x")
    with pytest.raises(DatabaseError, match=r"^DORMOUSE_DATABASE_URL: connection.*refused$"):
        async with running(settings):
            pass


async def test_a_folder_of_our_own(server_folder: Path):
    settings = Settings(data_dir=server_folder / "own")
    async with running(settings) as found:
        assert found.postgres is not None
        assert await found.database.tenants() == ["home"]
