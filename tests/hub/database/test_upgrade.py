"""A database of an earlier version, with rows in it, brought to this one."""

import asyncio
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.types.json import Jsonb

from hub.database.database import Database
from hub.database.key_value import KeyValueStore
from hub.database.postgres import OWNER
from hub.database.tenancy.drift import drift
from hub.database.upgrade import upgrade
from hub.devices.history import changes_of, device_at, replaced
from hub.homekit.repository import BridgePortRepository, HomeKitRepository
from hub.readings.repository import Bins, ReadingRepository
from tests.hub.ingest.test_ingest import key

BEFORE = [
    ("accessory", "d1", '{"device": "d1", "aid": 2, "bridge": 0, "serial": "s", "iids": {}}'),
    ("homekit-port", "first", "51827"),
    ("mapping", "nodes", '{"node": ["d1"]}'),
    ("device-clocks", "d1", '{"boot": "b", "up": 1.0, "at": "2026-01-01T00:00:00+00:00"}'),
    ("hub-outages", "2026-01-01T00:00:00+00:00", '{"what": "hub", "end": "x"}'),
    ("hub-alive", "at", '"2026-01-01T00:00:00+00:00"'),
]


@pytest.fixture
async def old(server):
    """A database at the version before small values had an owner."""
    found = server.database("earlier")
    await server._execute("CREATE DATABASE {} OWNER {}", found.name, OWNER)
    await server.close_to_the_public(found.name)
    await asyncio.to_thread(upgrade, found.owner_url, "0011")
    yield found
    await server.drop(found.name)


async def test_small_values_of_an_earlier_version_get_their_owners(old):
    async with await psycopg.AsyncConnection.connect(old.app_url) as conn:
        for name in ("home", "school"):
            row = await (await conn.execute("SELECT dormouse.ensure_tenant(%s)", [name])).fetchone()
            await conn.execute("SELECT set_config('dormouse.tenant', %s, true)", [str(row[0])])
            for area, key, value in BEFORE:
                await conn.execute(
                    "INSERT INTO dormouse.homekit (area, key, value) VALUES (%s, %s, %s)",
                    [area, f"{name}-{key}" if area == "mapping" else key, value],
                )
    await asyncio.to_thread(upgrade, old.owner_url)
    async with Database(old.app_url) as store:
        for name in ("home", "school"):
            tenant = store.of(name)
            assert (await HomeKitRepository(tenant).load()).accessories[0].device == "d1"
            assert await BridgePortRepository(store).load(name) == 51827
            mapping = await KeyValueStore(tenant, "mapping").load("mapping")
            assert mapping == {f"{name}-nodes": {"node": ["d1"]}}
            assert list(await KeyValueStore(tenant, "mqtt").load("device-clocks")) == ["d1"]
            assert len(await KeyValueStore(tenant, "explain").load("hub-outages")) == 1
            assert len(await KeyValueStore(tenant, "explain").load("hub-alive")) == 1
            # Each part sees its own alone, under the same area too.
            await KeyValueStore(tenant, "other").save("mapping", {"a": 1})
            assert await KeyValueStore(tenant, "mapping").load("mapping") == mapping
        async with store.nobody() as conn:
            assert await drift(conn) == []


@pytest.fixture
async def before_truth(server):
    """A database at the version before a device's id had a history."""
    found = server.database("untold")
    await server._execute("CREATE DATABASE {} OWNER {}", found.name, OWNER)
    await server.close_to_the_public(found.name)
    await asyncio.to_thread(upgrade, found.owner_url, "0015")
    yield found
    await server.drop(found.name)


async def test_a_device_that_was_replaced_and_what_is_calibrated_are_taken_along(before_truth):
    old = before_truth
    async with await psycopg.AsyncConnection.connect(old.app_url) as conn:
        row = await (await conn.execute("SELECT dormouse.ensure_tenant('home')")).fetchone()
        await conn.execute("SELECT set_config('dormouse.tenant', %s, true)", [str(row[0])])
        await conn.execute("SELECT dormouse.ensure_partition('2026-01-15Z')")
        for statement in (
            "INSERT INTO dormouse.device (key, name) VALUES ('d1', 'Attic')",
            """INSERT INTO dormouse.series (device_id, service, index, characteristic, kind)
               SELECT id, 'TemperatureSensor', 0, c, k FROM dormouse.device, (VALUES
               ('CurrentTemperature', 'float'), ('StatusActive', 'bool')) AS s(c, k)""",
            """INSERT INTO dormouse.calibration (series_id, during, gain, offset_by)
               SELECT id, '(,)', 2, 1 FROM dormouse.series""",
            """INSERT INTO dormouse.reading (series_id, at, value)
               SELECT id, '2026-01-15 12:10Z'::timestamptz + n * interval '1 hour', n
               FROM dormouse.series, generate_series(1, 4) AS n""",
        ):
            await conn.execute(statement)
        then = datetime.now(UTC)
        fact = {"old": "d0", "new": "d1", "at": datetime.now(UTC).isoformat(), "apart": "d1-apart"}
        await conn.execute(
            "INSERT INTO dormouse.device_state (device_id, attributes) "
            "SELECT id, %s FROM dormouse.device",
            [Jsonb({"replacements": [fact]})],
        )
        await conn.execute(
            "INSERT INTO dormouse.activity (who, why) VALUES ('ann', 'd1 replaces d0')"
        )
    async with await psycopg.AsyncConnection.connect(old.owner_url) as conn:
        await conn.execute("SELECT set_config('dormouse.tenant', '1', true)")
        await conn.execute("DELETE FROM dormouse.reading WHERE at < '2026-01-15 15:00Z'")
    await asyncio.to_thread(upgrade, old.owner_url)
    async with Database(old.app_url) as store:
        home, now = store.of("home"), datetime.now(UTC)
        assert (await device_at(home, "d0", then)).id_now == "d1"
        assert await device_at(home, "d1", then) is None
        assert (await device_at(home, "d1", now)).name == "Attic"
        by = await replaced(home, "d0", now)
        assert by is not None
        assert by[0] == "d1"
        [change] = [c for c in await changes_of(home, "d1") if c.property == "id"]
        assert (change.before, change.after, change.who) == ("d0", "d1", "ann")
        readings = ReadingRepository(home)
        series = key("d1")
        span = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
        # Of the readings two are gone; none of what was calibrated is lost.
        await readings.calibrate(series, offset=100)
        hours = await readings.bins(series, *span, Bins.HOUR)
        assert [b.last for b in hours] == [101, 102, 103, 104]
        [day] = await readings.bins(series, *span, Bins.DAY)
        assert (day.n, day.total, day.low, day.high, day.last) == (4, 410, 101, 104, 104)
        async with store.nobody() as conn:
            assert await drift(conn) == []
        async with home.transaction() as conn:
            rows = await conn.execute(
                "SELECT s.characteristic FROM dormouse.calibration JOIN dormouse.series s "
                "ON s.id = series_id"
            )
            assert await rows.fetchall() == [("CurrentTemperature",)]


async def test_days_of_counters_are_worked_out_anew(server):
    """Those that were kept when a counter that fell had always begun anew."""
    old = server.database("counted")
    await server._execute("CREATE DATABASE {} OWNER {}", old.name, OWNER)
    try:
        await asyncio.to_thread(upgrade, old.owner_url, "0032")
        async with await psycopg.AsyncConnection.connect(old.app_url) as conn:
            row = await (await conn.execute("SELECT dormouse.ensure_tenant('home')")).fetchone()
            tenant = "SELECT set_config('dormouse.tenant', %s, true)", [str(row[0])]
            await conn.execute(*tenant)
            for statement in (
                "INSERT INTO dormouse.device (key) VALUES ('meter')",
                (
                    "INSERT INTO dormouse.series (device_id, service, index, characteristic, kind) "
                    "SELECT id, 'EnergyMeter', 0, 'Energy', 'float' FROM dormouse.device"
                ),
                (
                    "INSERT INTO dormouse.day_bin (series_id, zone, start, until, n, "
                    "seconds, rise) SELECT id, 'UTC', '2026-01-01Z', '2026-01-02Z', 2, 60, 998 "
                    "FROM dormouse.series"
                ),
            ):
                await conn.execute(statement)
        await asyncio.to_thread(upgrade, old.owner_url)
        async with await psycopg.AsyncConnection.connect(old.app_url) as conn:
            await conn.execute(*tenant)
            rows = await conn.execute("SELECT count(*) FROM dormouse.day_bin")
            assert await rows.fetchone() == (0,)
    finally:
        await server.drop(old.name)
