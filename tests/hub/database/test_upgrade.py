"""A database of an earlier version, with rows in it, brought to this one."""

import asyncio

import psycopg
import pytest

from hub.database.database import Database
from hub.database.key_value import KeyValueStore
from hub.database.postgres import OWNER
from hub.database.tenancy.drift import drift
from hub.database.upgrade import upgrade
from hub.homekit.repository import BridgePortRepository, HomeKitRepository

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
