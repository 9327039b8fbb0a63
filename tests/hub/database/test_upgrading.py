"""The way to a newer schema and back: a backup before, what came since after."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from contracts.reading import Reading
from contracts.resources import release
from hub.database.database import Database
from hub.database.errors import SchemaDowngradeError, SchemaNewerError, UpgradeHeldError
from hub.database.migrate import head, migrate, steps
from hub.database.postgres import Postgres
from hub.database.schema_release import SchemaRelease, read_release, record_release
from hub.database.upgrades.downgrade import downgrade, way_back
from hub.database.upgrades.upgrading import UpgradeBackup, brought_up, upgrade_backups
from hub.imports.targets import own_name
from tests.hub.ingest.test_ingest import NOW, key, stored
from tests.support.postgres import FAST

OLDER = sorted(steps())[-2]


ROWS = (
    "SELECT set_config('dormouse.tenant', dormouse.ensure_tenant('home')::text, true)",
    "SELECT dormouse.ensure_partition('2026-01-15Z')",
    "INSERT INTO dormouse.device (key) VALUES ('d1')",
    """INSERT INTO dormouse.series (device_id, service, index, characteristic, kind)
       SELECT id, 'TemperatureSensor', 0, 'CurrentTemperature', 'float' FROM dormouse.device""",
    """INSERT INTO dormouse.reading (series_id, at, value)
       SELECT id, '2026-01-15 12:10Z'::timestamptz + n * interval '1 hour', n
       FROM dormouse.series, generate_series(1, 2) AS n""",
)


@pytest.fixture
async def older(server_folder: Path):
    """A cluster with a database of the version before, in which a tenant has two readings."""
    folder = server_folder / "upgrades"
    async with Postgres(folder, tuning=FAST) as postgres:
        if not (folder / "made").exists():
            await migrate(postgres.owner_url, OLDER)
            async with await psycopg.AsyncConnection.connect(postgres.app_url) as conn:
                for statement in ROWS:
                    await conn.execute(statement)
            async with await administrator(postgres) as conn:
                await conn.execute("ALTER DATABASE dormouse RENAME TO older")
            (folder / "made").touch()
        async with await administrator(postgres) as conn:
            await conn.execute("DROP DATABASE IF EXISTS dormouse WITH (FORCE)")
            await conn.execute("CREATE DATABASE dormouse TEMPLATE older OWNER dormouse_owner")
        yield postgres


async def administrator(postgres: Postgres) -> psycopg.AsyncConnection:
    url = make_conninfo(postgres.admin_url, dbname="postgres")
    return await psycopg.AsyncConnection.connect(url, autocommit=True)


async def found(postgres: Postgres) -> SchemaRelease:
    async with await psycopg.AsyncConnection.connect(postgres.owner_url) as conn:
        return await read_release(conn)


async def values(postgres: Postgres) -> list[float]:
    url = make_conninfo(postgres.admin_url, dbname="dormouse")
    async with await psycopg.AsyncConnection.connect(url) as conn:
        rows = await conn.execute("SELECT value FROM dormouse.reading ORDER BY at, value")
        return [value for (value,) in await rows.fetchall()]


async def test_up_and_back_with_what_came_in_between(older: Postgres, tmp_path: Path, caplog):
    folder = tmp_path / "backups"
    folder.mkdir(mode=0o700)
    for name in ("schema-0001_20200101T000000Z.backup", ".schema-0001.backup.partial"):
        (folder / name).touch()
    await brought_up(older.owner_url, older, folder, keep=1)
    assert len(list(folder.iterdir())) == 1
    [made] = upgrade_backups(folder)
    assert made.revision == OLDER
    assert (folder.stat().st_mode & 0o777, made.file.stat().st_mode & 0o777) == (0o700, 0o600)
    assert f"a backup of the database is made before its upgrade: {made.file}" in caplog.text
    assert await found(older) == SchemaRelease(head(), release(), head())
    # The next start has nothing to do.
    await brought_up(older.owner_url, older, folder, keep=1)
    assert upgrade_backups(folder) == [made]
    late = Reading(key("d1"), 7.5, NOW - timedelta(days=9))
    async with Database(older.app_url) as store:
        await stored(store, [Reading(key("d2"), 1.5, NOW), late])

    done = await downgrade(older, folder)
    assert done.backup == made
    assert await values(older) == [1, 2]
    assert (await found(older)).revision == OLDER
    assert done.since is not None
    file, rows = done.since["home"]
    assert file.stat().st_mode & 0o777 == 0o600
    with file.open(newline="") as text:
        cells = [(own_name(row["series"]), row["raw"]) for row in csv.DictReader(text)]
    assert {(key("d1"), "7.5"), (key("d2"), "1.5")} <= set(cells)
    assert rows == len(cells)


async def test_an_upgrade_that_was_interrupted_keeps_its_way_back(older: Postgres, tmp_path: Path):
    first = sorted(steps())[-3]
    made = UpgradeBackup.new(tmp_path, first)
    made.file.touch()
    # As if the steps to OLDER were done and those after it were not.
    await record_release(older.owner_url, "0.0.9", first)
    state, back = await way_back(older, tmp_path)
    assert (state.interrupted, back.file) == (True, made.file)
    await brought_up(older.owner_url, older, tmp_path, keep=3)
    assert [one.file for one in upgrade_backups(tmp_path)] == [made.file]
    assert await found(older) == SchemaRelease(head(), release(), head())


async def test_without_a_backup_there_is_no_upgrade(older: Postgres, tmp_path: Path):
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(UpgradeHeldError, match=r"stays at schema .* --upgrade-backups 0") as held:
        await brought_up(older.owner_url, older, blocked / "backups", keep=3)
    assert "\n" not in str(held.value)
    assert (await found(older)).revision == OLDER
    with pytest.raises(SchemaDowngradeError, match="no backup from before"):
        await way_back(older, tmp_path)
    await brought_up(older.owner_url, older, blocked / "backups", keep=0)
    assert (await found(older)).revision == head()


async def test_a_newer_version_s_database_says_which_one_it_needs(older: Postgres, tmp_path: Path):
    await brought_up(older.owner_url, older, tmp_path, keep=0)
    await record_release(older.owner_url, "9.8.7", "9999")
    async with await psycopg.AsyncConnection.connect(older.owner_url) as conn:
        await conn.execute("UPDATE dormouse.alembic_version SET version_num = '9999'")
    says = f"schema 9999, which needs Dormouse 9.8.7 or newer; this is {release()}"
    with pytest.raises(SchemaNewerError, match=says):
        await brought_up(older.owner_url, older, tmp_path, keep=3)
    # The same for a role that may not migrate.
    with pytest.raises(SchemaNewerError, match=says) as refused:
        async with Database(older.app_url):
            pass
    assert "\n" not in str(refused.value)
    assert upgrade_backups(tmp_path) == []
