"""A role with CREATEROLE that is no superuser, on every major version of Postgres from 15 on.

Two databases of one server, another schema in each, made anew twice in a row.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
import typer
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from typer.testing import CliRunner

from hub.database.database import Database
from hub.database.errors import DatabaseError
from hub.database.postgres import Postgres
from hub.database.start import running
from hub.doctor.database import examine
from hub.doctor.finding import Verdict
from hub.maintenance import commands as maintenance
from hub.settings import Settings
from tests.support.postgres import FAST
from tests.support.postgres_versions import MAJORS, ProgramsMissingError, programs

pytestmark = pytest.mark.asyncio(loop_scope="module")

COUNT = "SELECT count(*) FROM dormouse.device"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=MAJORS)
async def landlord(request) -> AsyncIterator[tuple[Postgres, int]]:
    """A server with a role that may make roles, and owns the databases one and two."""
    with tempfile.TemporaryDirectory(prefix="dm", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            found = programs(request.param, folder)
        except ProgramsMissingError as error:
            pytest.skip(str(error))
        async with Postgres(folder / "postgres", programs=found, tuning=FAST) as postgres:
            async with await psycopg.AsyncConnection.connect(
                postgres.admin_url, autocommit=True
            ) as admin:
                # As if nobody had made anything of ours on this server.
                await admin.execute("DROP DATABASE IF EXISTS dormouse")
                for role in ("dormouse_hub", "dormouse_app", "dormouse_owner"):
                    await admin.execute(f"DROP OWNED BY {role}")
                    await admin.execute(f"DROP ROLE {role}")
                for role in ("landlord", "neighbour"):
                    await admin.execute(f"CREATE ROLE {role} LOGIN CREATEROLE PASSWORD 'x'")
                for database, owner in (
                    ("one", "landlord"),
                    ("two", "landlord"),
                    ("three", "neighbour"),
                ):
                    await admin.execute(f"CREATE DATABASE {database} OWNER {owner}")
            yield postgres, request.param


def url_of(postgres: Postgres, user: str, database: str) -> str:
    return make_conninfo(postgres.admin_url, user=user, password="x", dbname=database)


async def asked(url: str, query: str) -> object:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        cursor = await conn.execute(query)
        return (await cursor.fetchone())[0] if cursor.description else None


async def test_two_databases_are_made_and_made_anew_twice(landlord, tmp_path, monkeypatch):
    postgres, major = landlord
    one, two = (url_of(postgres, "landlord", name) for name in ("one", "two"))
    version = await asked(one, "SELECT current_setting('server_version_num')::int / 10000")
    assert version == major
    settings = {}
    for name, url in (("one", one), ("two", two)):
        settings[name] = Settings(data_dir=tmp_path / name, database_url=url)
        await asked(url, "CREATE SCHEMA diary")
        await asked(url, "CREATE TABLE diary.page AS SELECT 'kept' AS said")
        for _ in range(2):
            async with running(settings[name]) as found:
                assert await found.database.tenants() == ["home"]
    async with running(settings["two"]) as found:
        await found.database.ensure_tenant("beach")

    commands = typer.Typer()
    commands.command("db-recreate")(maintenance.db_recreate)
    monkeypatch.setenv("DORMOUSE_DATABASE_URL", one)
    words = ["--delete-readings", "--delete-readings", "--data-dir", str(tmp_path / "one")]
    for _ in range(2):
        result = await asyncio.to_thread(CliRunner().invoke, commands, words)
        assert (result.exit_code, "made anew" in result.output) == (0, True), result.exception
    async with running(settings["one"]) as found:
        async with found.database.of("home").transaction() as conn:
            assert await (await conn.execute(COUNT)).fetchone() == (3,)
        assert {one.verdict async for one in examine(found.database)} == {Verdict.GOOD}
        app_url = found.database.url
    for url in (one, two):
        assert await asked(url, "SELECT said FROM diary.page") == "kept"
    async with running(settings["two"]) as found:
        assert await found.database.tenants() == ["beach", "home"]
    # The application of one database is not let into the other.
    async with Database(app_url) as store:
        assert await store.tenants() == ["home"]


async def test_what_such_a_role_may_not_is_one_line(landlord, tmp_path):
    postgres, major = landlord
    # Whose roles they are is landlord's: from 16 on, others need leave to give them to somebody.
    three = Settings(
        data_dir=tmp_path / "three", database_url=url_of(postgres, "neighbour", "three")
    )
    if major == 15:
        async with running(three) as found:
            assert await found.database.tenants() == ["home"]
    else:
        with pytest.raises(DatabaseError) as caught:
            async with running(three):
                pass
        assert "DORMOUSE_DATABASE_URL" in str(caught.value)
        assert "WITH ADMIN OPTION" in str(caught.value)
        assert "\n" not in str(caught.value)
        await asked(
            make_conninfo(postgres.admin_url, dbname="three"),
            "GRANT dormouse_app, dormouse_owner TO neighbour WITH ADMIN OPTION",
        )
        async with running(three) as found:
            assert await found.database.tenants() == ["home"]
        # Who was given the owner may use what it owns, by a login of its own: the one that was
        # there keeps its password.
        one = {"data_dir": tmp_path / "one", "database_url": url_of(postgres, "landlord", "one")}
        async with running(Settings(**one)) as found:
            former = found.database.url
        url = url_of(postgres, "neighbour", "one")
        async with running(Settings(data_dir=tmp_path / "theirs", database_url=url)) as found:
            assert conninfo_to_dict(found.database.url)["user"] != conninfo_to_dict(former)["user"]
        async with Database(former):
            pass
