from __future__ import annotations

import asyncio
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from contracts.reading import Reading
from hub.database.backup import backup, restore, verify
from hub.database.database import Database
from hub.database.errors import BackupError, ForeignBackupError
from hub.database.migrate import migrate, steps
from hub.database.postgres import Postgres
from hub.doctor.isolation import examine
from hub.maintenance.fixture import load_fixture
from hub.readings.export import ExportFormat
from tests.hub.database.backups import change_manifest, changed, put_rows
from tests.hub.database.test_operations import written
from tests.hub.ingest.test_ingest import NOW, key, stored
from tests.support.hub import ROOT, until
from tests.support.once import Once
from tests.support.postgres import FAST


@pytest.fixture(scope="session")
def small_home(once: Once) -> Path:
    """The folder of a cluster that was stopped, with a small home and a backup of it."""

    async def make(folder: Path) -> None:
        folder.mkdir(mode=0o711)
        async with Postgres(folder / "backups", tuning=FAST) as postgres:
            await migrate(postgres.owner_url)
            async with Database(postgres.app_url) as store:
                await load_fixture(store)
            await backup(postgres, folder / "backups" / "home.backup")

    return once.make("small-home", lambda folder: asyncio.run(make(folder))) / "backups"


@pytest.fixture
async def own(server_folder: Path, small_home: Path):
    """A test's own cluster, for what concerns databases as a whole; with a small home."""
    copy = ["cp", "-a", small_home, server_folder]
    await asyncio.to_thread(subprocess.run, copy, check=True)
    async with Postgres(server_folder / "backups", tuning=FAST) as postgres:
        yield postgres


@pytest.fixture
async def made(own: Postgres, tmp_path: Path) -> Path:
    """A backup of the small home, alone in its folder."""
    file = tmp_path / "folder" / "home.backup"
    file.parent.mkdir()
    shutil.copy(own.folder / "home.backup", file)
    return file


async def databases(postgres: Postgres) -> set[str]:
    """All but those that a restore has put aside."""
    async with await psycopg.AsyncConnection.connect(postgres.admin_url) as conn:
        cursor = await conn.execute(
            "SELECT datname FROM pg_database "
            "WHERE NOT datistemplate AND NOT starts_with(datname, 'dormouse_2')"
        )
        return {name for (name,) in await cursor.fetchall()}


async def test_a_backup_is_whole_and_comes_back(own: Postgres, made: Path):
    async with Database(own.app_url) as store:
        before = await written(store, ExportFormat.CSV)
        contents = await backup(own, made)
        assert contents["reading"][0] == 8
        await stored(store, [Reading(key(), 1.0, NOW)])
        assert await written(store, ExportFormat.CSV) != before
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert [path.name for path in made.parent.iterdir()] == [made.name]
    found, former = await restore(own, made)
    assert found == contents
    assert former.startswith("dormouse_2")
    async with Database(own.app_url) as store:
        assert await written(store, ExportFormat.CSV) == before
        assert all(one.good for one in await examine(store, own.folder / "secrets"))
        # It takes new readings, with all that is derived from them, and new devices.
        await stored(store, [Reading(key(), 1.0, NOW), Reading(key("esp8266_new"), 1.0, NOW)])
        assert await written(store, ExportFormat.CSV, "SELECT n FROM dormouse.hourly") != b"n\r\n"
    assert await databases(own) == {"postgres", "dormouse"}


async def test_a_backup_of_an_older_version_comes_back_as_that(own: Postgres, made: Path):
    older = sorted(steps())[-2]
    async with await psycopg.AsyncConnection.connect(own.admin_url, autocommit=True) as conn:
        await conn.execute("ALTER DATABASE dormouse RENAME TO dormouse_2_newer")
        await conn.execute("CREATE DATABASE dormouse OWNER dormouse_owner")
    await migrate(own.owner_url, older)
    await backup(own, made)
    await restore(own, made)
    async with await psycopg.AsyncConnection.connect(own.owner_url) as conn:
        cursor = await conn.execute("SELECT version_num FROM dormouse.alembic_version")
        assert await cursor.fetchone() == (older,)
    await migrate(own.owner_url)
    async with Database(own.app_url) as store:
        await load_fixture(store)


async def test_what_stands_among_the_rows_is_a_value_or_refused(own: Postgres, made: Path):
    # Where the user that Postgres runs as may write.
    proof = own.folder / "cluster" / "run" / "proof"
    whole = made.read_bytes()
    for line in (
        "\\! touch {}\n",
        "\\.\n\\! touch {}\n",
        "\\.\nCOPY (SELECT 1) TO PROGRAM 'touch {}';\n",
        "7\tother\t2026-01-01 00:00:00+00\n\\.\n\\copy tenant from program 'touch {}'\n",
    ):
        rows = line.format(proof).encode()
        made.write_bytes(whole)
        changed(made, lambda members, rows=rows: put_rows(members, "tenant", rows))
        with pytest.raises(ForeignBackupError, match="--from-elsewhere"):
            await restore(own, made)
        with pytest.raises(BackupError) as refused:
            await restore(own, made, foreign=True)
        assert "\n" not in str(refused.value)
    assert not proof.exists()
    assert await databases(own) == {"postgres", "dormouse"}


async def test_another_hub_s_is_taken_when_told(own: Postgres, made: Path):
    def change(members: dict[str, bytes]) -> None:
        members["extra.copy"] = b"1\n"
        change_manifest(members, "sequences", "device_id_seq", value=1 << 20)

    whole = made.read_bytes()
    changed(made, change)
    for attempt in (verify, restore):
        with pytest.raises(ForeignBackupError, match="this hub did not make it"):
            await attempt(own, made)
    contents, _ = await restore(own, made, foreign=True)
    assert contents["reading"][0] == 8
    async with Database(own.app_url) as store:
        assert all(one.good for one in await examine(store, own.folder / "secrets"))
    # Its numbers of rows and their hashes must hold all the same.
    for field in ("rows", "total"):
        made.write_bytes(whole)
        changed(
            made,
            lambda members, field=field: change_manifest(
                members, "tables", "tenant", field, value=7
            ),
        )
        with pytest.raises(BackupError, match="tenant has 1 rows after restoring, not the same"):
            await verify(own, made, foreign=True)
    assert await databases(own) == {"postgres", "dormouse"}


async def test_without_room_for_checking_it_is_refused_and_nothing_changes(
    own: Postgres, made: Path, monkeypatch
):
    before = made.read_bytes()
    usage = shutil.disk_usage(own.folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1))
    for attempt in (backup, verify, restore):
        with pytest.raises(BackupError, match=r"MB are free: make room there$"):
            await attempt(own, made)
    assert made.read_bytes() == before
    assert [path.name for path in made.parent.iterdir()] == [made.name]
    assert await databases(own) == {"postgres", "dormouse"}


async def test_a_restore_waits_for_nobody(own: Postgres, made: Path):
    async with Database(own.app_url):
        with pytest.raises(BackupError, match="in use: stop the hub"):
            await restore(own, made)
    assert await databases(own) == {"postgres", "dormouse"}


async def test_one_backup_at_a_time(own: Postgres, made: Path):
    async with await psycopg.AsyncConnection.connect(own.admin_url, autocommit=True) as conn:
        await conn.execute("SELECT pg_advisory_lock(hashtext('dormouse.backup'))")
        for attempt in (backup, verify, restore):
            with pytest.raises(BackupError, match="another backup is being made"):
                await attempt(own, made)


async def test_a_command_that_is_ended_leaves_nothing(
    server_folder: Path, small_home: Path, tmp_path: Path
):
    folder = server_folder / tmp_path.name
    folder.mkdir(mode=0o711)
    copy = ["cp", "-a", small_home, folder / "postgres"]
    await asyncio.to_thread(subprocess.run, copy, check=True)
    target = tmp_path / "out" / "home.backup"
    target.parent.mkdir()
    async with Postgres(folder / "postgres", tuning=FAST) as postgres:
        command = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "host", "hub", "backup", str(target), "--data-dir", str(folder),
            cwd=ROOT, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        await until(lambda: scratch(postgres))
        command.send_signal(signal.SIGTERM)
        assert await command.wait() == 128 + signal.SIGTERM
        assert list(target.parent.iterdir()) == []
        assert await databases(postgres) == {"postgres", "dormouse"}


async def scratch(postgres: Postgres) -> bool:
    return any("scratch" in name for name in await databases(postgres))


async def test_what_a_killed_command_left_goes_at_the_next_start(own: Postgres):
    async with await psycopg.AsyncConnection.connect(own.admin_url, autocommit=True) as conn:
        await conn.execute("CREATE DATABASE dormouse_scratch_20260101000000")
        # Not one of these, though its name is similar.
        await conn.execute("CREATE DATABASE dormouse_scratching")
    await own.stop()
    await own.start()
    assert await databases(own) == {"postgres", "dormouse", "dormouse_scratching"}
