from __future__ import annotations

import asyncio
import csv
import gzip
import io
import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from contracts.reading import Reading
from hub.database.backup import backup, restore, verify
from hub.database.database import Database
from hub.database.errors import BackupError, QueryError, RealReadingsError
from hub.database.migrate import migrate
from hub.database.postgres import Postgres
from hub.database.recreate import recreate
from hub.database.start import running
from hub.devices.commands import devices
from hub.doctor.isolation import examine
from hub.maintenance import commands as maintenance
from hub.maintenance.fixture import load_fixture
from hub.readings import commands as readings
from hub.readings.export import ExportFormat, export
from hub.settings import Settings
from tests.hub.ingest.test_ingest import NOW, key, stored
from tests.support.postgres import FAST

EVERYTHING = "SELECT at, value, text, device_id FROM dormouse.calibrated ORDER BY at, value"


async def written(store: Database, form: ExportFormat, query: str = EVERYTHING) -> bytes:
    target = io.BytesIO()
    await export(store.of("home"), query, target, form)
    return target.getvalue()


async def test_any_query_as_csv_parquet_and_arrow(store: Database):
    await stored(
        store, [Reading(key(), 20.125, NOW), Reading(key(characteristic="N"), "é,\n", NOW)]
    )
    rows = list(csv.reader(io.StringIO((await written(store, ExportFormat.CSV)).decode())))
    assert rows[0] == ["at", "value", "text", "device_id"]
    assert sorted(row[1:3] for row in rows[1:]) == [["", "é,\n"], ["20.125", ""]]
    for table in (
        pq.read_table(io.BytesIO(await written(store, ExportFormat.PARQUET))),
        pa.ipc.open_stream(await written(store, ExportFormat.ARROW)).read_all(),
    ):
        assert table.schema.types == [
            pa.timestamp("us", tz="UTC"), pa.float64(), pa.string(), pa.int32()
        ]  # fmt: skip
        assert set(table["value"].to_pylist()) == {20.125, None}
        assert table["at"].to_pylist() == [NOW, NOW]


async def test_an_empty_answer_has_its_columns(store: Database):
    query = "SELECT key, created_at FROM dormouse.device"
    assert (await written(store, ExportFormat.CSV, query)).decode() == "key,created_at\r\n"
    table = pq.read_table(io.BytesIO(await written(store, ExportFormat.PARQUET, query)))
    assert (table.column_names, table.num_rows) == (["key", "created_at"], 0)


async def test_export_writes_nothing_and_names_faults(store: Database):
    for query, fault in [
        ("DELETE FROM dormouse.device RETURNING 1", "DELETE|syntax error"),
        ("SELECT 1; DROP TABLE dormouse.device", "multiple commands|syntax error"),
        ("SELECT nothing FROM dormouse.device", 'column "nothing" does not exist'),
        ("SELECT dormouse.ensure_tenant('new')", "read-only transaction"),
    ]:
        with pytest.raises(QueryError, match=fault):
            await written(store, ExportFormat.CSV, query)


@pytest.fixture
async def own(server_folder: Path, tmp_path: Path):
    """A cluster of its own, for what concerns databases as a whole."""
    postgres = Postgres(server_folder / tmp_path.name, tuning=FAST)
    async with postgres:
        await migrate(postgres.owner_url)
        yield postgres


async def test_a_backup_is_whole_and_comes_back(own: Postgres, tmp_path: Path):
    file = tmp_path / "backup.gz"
    async with Database(own.app_url) as store:
        await load_fixture(store)
        before = await written(store, ExportFormat.CSV)
        contents = await backup(own, file)
        assert contents["reading"][0] == 8
        await stored(store, [Reading(key(), 1.0, NOW)])
        assert await written(store, ExportFormat.CSV) != before
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found, former = await restore(own, file)
    assert found == contents
    async with Database(own.app_url) as store:
        assert await written(store, ExportFormat.CSV) == before
        assert all(one.good for one in await examine(store, own.folder / "secrets"))
        # It takes new readings, with all that is derived from them.
        await stored(store, [Reading(key(), 1.0, NOW)])
        assert await written(store, ExportFormat.CSV, "SELECT n FROM dormouse.hourly") != b"n\r\n"
    assert former.startswith("dormouse_2")


async def test_a_damaged_backup_is_refused_and_changes_nothing(own: Postgres, tmp_path: Path):
    file = tmp_path / "backup.gz"
    async with Database(own.app_url) as store:
        await load_fixture(store)
        before = await written(store, ExportFormat.CSV)
    await backup(own, file)
    whole = file.read_bytes()
    script = gzip.decompress(whole)
    for damaged, reason in [
        (whole[: len(whole) // 2], "end-of-stream"),
        (b"nothing of the kind", "Not a gzipped file"),
        (gzip.compress(b"-- something else\n"), "no backup of Dormouse's"),
        (
            gzip.compress(script.replace(b"20.625", b"20.626")),
            "rows after restoring, not the same",
        ),
        (gzip.compress(script.replace(b"CREATE TABLE", b"CREATE TABEL", 1)), "syntax error"),
    ]:
        file.write_bytes(damaged)
        for attempt in (verify, restore):
            with pytest.raises(BackupError, match=reason):
                await attempt(own, file)
    async with Database(own.app_url) as store:
        assert await written(store, ExportFormat.CSV) == before


async def test_a_restore_waits_for_nobody(own: Postgres, tmp_path: Path):
    file = tmp_path / "backup.gz"
    await backup(own, file)
    async with Database(own.app_url):
        with pytest.raises(BackupError, match="in use: stop the hub"):
            await restore(own, file)


async def test_recreate_refuses_real_readings_unless_told_twice(database):
    async with Database(database.app_url) as store:
        await load_fixture(store)
    for told in (0, 1):
        with pytest.raises(RealReadingsError, match="holds 8 readings"):
            await recreate(database.owner_url, told=told)
    await recreate(database.owner_url, told=2)
    async with Database(database.app_url) as store:
        assert await store.tenants() == []
        await load_fixture(store)
        assert await store.tenants() == ["home"]
    async with Database(database.app_url) as store:
        assert all(one.good for one in await examine(store))


async def test_commands_beside_a_running_hub_and_without(server_folder: Path, monkeypatch):
    folder = server_folder / "commands"
    monkeypatch.setenv("DORMOUSE_DATA_DIR", str(folder))

    commands = typer.Typer()
    parts = (devices, readings.retention, readings.export, maintenance.backup, maintenance.restore)
    for command in parts:
        commands.command()(command)
    commands.command("db-recreate")(maintenance.db_recreate)

    # In a thread of its own, since a command runs its own loop.
    def call(*words: str) -> str:
        result = CliRunner().invoke(commands, list(words), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    assert "made anew" in await asyncio.to_thread(call, "db-recreate")
    async with running(Settings(data_dir=folder)):
        assert await asyncio.to_thread(call, "devices", "--where", "$.battery_mv < 2700") == ""
        assert "nothing has expired" in await asyncio.to_thread(call, "retention", "--dry-run")
        exported = await asyncio.to_thread(
            call, "export", "SELECT count(*) AS n FROM dormouse.reading"
        )
        assert exported.split()[:2] == ["n", "8"]
        out = folder / "b.gz"
        assert "checked" in await asyncio.to_thread(call, "backup", str(out))
    assert "whole" in await asyncio.to_thread(call, "restore", "--check", str(out))
