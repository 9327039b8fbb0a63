from __future__ import annotations

import asyncio
import csv
import io
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from contracts.reading import Reading
from hub.database.database import Database
from hub.database.errors import HubConnectedError, QueryError, RealReadingsError
from hub.database.recreate import recreate
from hub.database.start import running
from hub.devices.commands import devices
from hub.doctor.isolation import examine
from hub.maintenance import commands as maintenance
from hub.maintenance.fixture import FixtureError, load_fixture, read_fixture
from hub.readings import commands as readings
from hub.readings.export import ExportFormat, export
from hub.settings import Settings
from tests.hub.ingest.test_ingest import NOW, key, stored

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


async def test_recreate_refuses_real_readings_unless_told_twice(database):
    async with Database(database.app_url) as store:
        await load_fixture(store)
    for told in (0, 1):
        with pytest.raises(RealReadingsError, match="holds 8 readings"):
            await recreate(database.owner_url, times_confirmed=told)
    await recreate(database.owner_url, times_confirmed=2)
    async with Database(database.app_url) as store:
        assert await store.tenants() == []
        await load_fixture(store)
        assert await store.tenants() == ["home"]
    async with Database(database.app_url) as store:
        assert all(one.good for one in await examine(store))


async def test_recreate_refuses_beside_a_hub_and_leaves_other_schemas(database):
    async with Database(database.app_url):
        with pytest.raises(HubConnectedError, match="a hub is connected to this database from"):
            await recreate(database.owner_url, times_confirmed=2)
    async with await psycopg.AsyncConnection.connect(database.owner_url) as conn:
        await conn.execute("CREATE SCHEMA diary")
        await conn.execute("CREATE TABLE diary.page AS SELECT 'kept' AS said")
    # Its own connections are no hub's; twice in a row.
    for _ in range(2):
        async with Database(database.app_url, name="dormouse command"):
            await recreate(database.owner_url, times_confirmed=2)
    async with await psycopg.AsyncConnection.connect(database.owner_url) as conn:
        assert await (await conn.execute("SELECT said FROM diary.page")).fetchone() == ("kept",)


BROKEN = {
    "no JSON": ("{", "EOF"),
    "a list": ("[]", "should be an object"),
    "a tenant's name": ('{"Home!": {}}', "pattern"),
    "an unknown part": ('{"home": {"rooms": {}}}', "home.rooms"),
    "a place that is none": (
        '{"home": {"places": {"A": {}}, "devices": {"d1": {"place": "A/B"}}}}',
        "d1 is in 'A/B', which is no place of it",
    ),
    "a device's id": ('{"home": {"devices": {"a b": {}}}}', "cannot be a device"),
    "a series": ('{"home": {"devices": {"d1": {"readings": {"x": []}}}}}', "pattern"),
    "a reading": (
        '{"home": {"devices": {"d1": {"readings": {"A/B": [[1]]}}}}}', "home.devices.d1.readings"
    ),
    "an age": ('{"home": {"devices": {"d1": {"readings": {"A/B": [[-1, 2]]}}}}}', "greater"),
    "the last of all": ('{"home": {}, "beach": {"devices": {"d1": {"name": ""}}}}', "beach"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), BROKEN.values(), ids=BROKEN)
def test_a_fixture_is_checked_as_a_whole_in_one_line(tmp_path: Path, text: str, said: str):
    file = tmp_path / "fixture.json"
    file.write_text(text)
    with pytest.raises(FixtureError) as caught:
        read_fixture(file)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(FixtureError, match="No such file"):
        read_fixture(tmp_path / "nowhere.json")


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

    for _ in range(2):
        made = await asyncio.to_thread(
            call, "db-recreate", "--delete-readings", "--delete-readings"
        )
        assert "made anew" in made
    (server_folder / "broken.json").write_text('{"home": {"devices": {"d1": {"place": "A"}}}}')
    with pytest.raises(FixtureError):
        broken = ("--fixture", str(server_folder / "broken.json"))
        await asyncio.to_thread(
            call, "db-recreate", "--delete-readings", "--delete-readings", *broken
        )
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
