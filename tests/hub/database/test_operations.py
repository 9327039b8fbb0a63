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
from psycopg import sql
from typer.testing import CliRunner

from contracts.reading import Reading
from hub.backups.commands import backup
from hub.backups.restore_command import restore
from hub.database.database import Database
from hub.database.errors import HubConnectedError, PathError, QueryError, RealReadingsError
from hub.database.recreate import recreate
from hub.database.start import running
from hub.database.tenancy.declare import GLOBAL, TABLES
from hub.devices.commands import devices
from hub.devices.documents import devices_where
from hub.doctor.isolation import examine
from hub.maintenance import commands as maintenance
from hub.maintenance.fixture import FixtureError, load_fixture, read_fixture
from hub.readings import commands as readings
from hub.readings.export import ExportFormat, export
from hub.searches.repository import SearchRepository
from hub.settings import Settings
from hub.zones.service import ZoneService
from tests.hub.ingest.test_ingest import NOW, key, stored

_SCHEMA = "dormouse"
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


# What becomes of each table when fixtures/home.json is loaded: rows, or why none.
FILLED = {
    "activity", "alembic_version", "daily", "device", "device_attributes_history",
    "device_calibration_history", "device_firmware_history", "device_interval_s_history",
    "device_key_history", "device_location_id_history", "device_name_history",
    "device_owner_history", "device_state", "hourly", "latest", "place", "placement", "reading",
    "saved_search", "series", "tenant", "tick",
}  # fmt: skip
EMPTY = {
    "account broker_user device_config": "of devices that connect and wake",
    "arrival delivery report_daily series_source": "of messages that devices sent",
    "quarantine": "of readings that cannot be believed",
    "calibration": "of sensors that were compared: home.json has none",
    "firmware rollout rollout_device rollout_event": "signed images, which no file of JSON holds",
    "invitation membership person token web_session": "secrets and whoever has them",
    "wizard": "a person's",
    "history_import packed_day day_bin removal expiring lease": "what the hub notes of its work",
    "notify_channel notify_secret notify_rule notify_rule_channel": "secrets, and what goes there",
    "notify_alert notify_message notify_due": "what there was to tell",
    "hook hook_secret hook_delivery hook_run hook_step": "secrets, and what they let in",
    "site site_network": "keys of tunnels, which are a machine's",
    "key_value retention anomaly_mute": "as the hub has it by default",
}


async def test_every_table_is_known_to_fixtures(database):
    """A table that is new is filled by a fixture, or stands here with why it is not."""
    reasons = {name: why for names, why in EMPTY.items() for name in names.split()}
    assert FILLED | reasons.keys() == TABLES.keys() | GLOBAL.keys()
    async with Database(database.app_url) as store:
        await load_fixture(store)
        [search] = await SearchRepository(store.of("home"), 0).all()
        assert await devices_where(store.of("home"), search.path) == ["esp8266_00000002"]
    async with await psycopg.AsyncConnection.connect(database.admin_url) as admin:
        filled = set()
        for table in FILLED | reasons.keys():
            query = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(_SCHEMA, table))
            if await (await admin.execute(query)).fetchone() == (True,):
                filled.add(table)
    assert filled == FILLED


CALIBRATED = (
    '{{"home": {{"devices": {{"d1": {{"readings": {{"TemperatureSensor/CurrentTemperature": '
    '[[0, 1]]}}, "calibrations": {{"TemperatureSensor/CurrentTemperature": [{}]}}}}}}}}}}'
)
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
    "an attribute": (
        '{"home": {"devices": {"d1": {"attributes": {"replacements": 1}}}}}', "the hub itself keeps"
    ),
    "an attribute's name": ('{"home": {"devices": {"d1": {"attributes": {"": 1}}}}}', "is no name"),
    "a zone": ('{"home": {"zone": "Europe/Atlantis"}}', "Europe/Atlantis"),
    "a zone of no place": (
        '{"home": {"places": {"A": {}}, "zones": {"B": "Asia/Kathmandu"}}}', "'B' has a zone"
    ),
    "a place's zone": ('{"home": {"places": {"A": {}}, "zones": {"A": "x"}}}', "home.zones.A"),
    "a calibration of nothing": (
        ('{"home": {"devices": {"d1": {"calibrations": {"TemperatureSensor/CurrentTemperature": []'
        '}}}}}'), "is calibrated and has no readings",
    ),
    "a calibrated state": (
        ('{"home": {"devices": {"d1": {"readings": {"Switch/On": [[0, true]]}, "calibrations": '
        '{"Switch/On": [{}]}}}}}'), "cannot be calibrated",
    ),
    "calibrated twice": (CALIBRATED.format('{"until": 60}, {"since": 90}'), "twice at a time"),
    "calibrated backwards": (CALIBRATED.format('{"since": 60, "until": 60}'), "must be greater"),
    "no gain": (CALIBRATED.format('{"gain": 0}'), "a gain lies"),
    "an offset": (CALIBRATED.format('{"offset": 1e13}'), "offset"),
    "a search": ('{"home": {"searches": {"": "$.a"}}}', "home.searches"),
    "the last of all": ('{"home": {}, "beach": {"devices": {"d1": {"name": ""}}}}', "beach"),
}  # fmt: skip


async def test_a_fixture_has_zones_and_calibrations(store: Database, tmp_path: Path):
    file = tmp_path / "fixture.json"
    file.write_text(
        CALIBRATED.format(
            '{"gain": 2, "since": 3600, "until": 60}, {"offset": -0.5, "until": 3600}, '
            '{"gain": -1, "since": 60}'
        )
        .replace("[[0, 1]]", "[[7200, 1], [600, 1], [0, 1]]")
        .replace('"home": {', '"home": {"zone": "Australia/Lord_Howe", "places": {"A": {"B": {}}}, '
                 '"zones": {"A/B": "Asia/Kathmandu"}, ')
    )  # fmt: skip
    await load_fixture(store, read_fixture(file))
    zones = await ZoneService(store).of("home")
    assert zones.own == "Australia/Lord_Howe"
    assert [own for _, own in zones.places.values()] == [None, "Asia/Kathmandu"]
    async with store.of("home").transaction() as conn:
        rows = await conn.execute("SELECT raw, value FROM dormouse.calibrated ORDER BY at")
        assert await rows.fetchall() == [(1, 0.5), (1, 2), (1, -1)]


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
    parts = (devices, readings.retention, readings.export, backup, restore)
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
    (server_folder / "search.json").write_text('{"home": {"searches": {"x": "$.a ? ("}}}')
    for file, error in (("broken.json", FixtureError), ("search.json", PathError)):
        broken = ("--fixture", str(server_folder / file))
        with pytest.raises(error):
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
