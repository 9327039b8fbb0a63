from __future__ import annotations

import psycopg
import pytest

from hub.database.database import Database
from hub.database.errors import PathError, PathTooSlowError
from hub.devices.documents import devices_where
from hub.devices.repository import DeviceRepository
from tests.hub.devices.by_hand import write_attributes
from tests.hub.ingest.test_ingest import NOW
from tests.support.broker import until


@pytest.fixture
async def devices(store: Database) -> DeviceRepository:
    found = DeviceRepository(store.of("home"))
    await found.report("weak", {"battery_mv": 2600, "cells": [{"mv": 1290}, {"mv": 1310}]}, NOW, 9)
    await found.report("strong", {"battery_mv": 3100, "cells": [{"mv": 1500}]}, NOW, 9)
    await found.report("mains", {"battery_mv": None, "cells": []}, NOW, None)
    await write_attributes(store.of("home"), "strong", {"room": "attic", "on": True})
    return found


FOUND = [
    ("$.battery_mv < 2700", ["weak"]),
    ("$.battery_mv > 0", ["strong", "weak"]),
    ("$.cells[*].mv > 1305", ["strong", "weak"]),
    ("$.cells.mv < 1300", ["weak"]),
    ("$.cells[*] ? (@.mv > 1400)", ["strong"]),
    ("$.nowhere.at.all == 1", []),
    ("$.nowhere[*]", []),
    ('$.room == "attic" && $.battery_mv > 3000', ["strong"]),
    ("exists($.room) || $.battery_mv == null", ["mains", "strong"]),
    ("$.on", ["strong"]),
]


async def test_documents_are_found(store: Database, devices: DeviceRepository):
    for path, expected in FOUND:
        assert await devices_where(store.of("home"), path) == expected, path


UNREADABLE = [
    ("$.battery_mv <", 14), ("$.a << 3", 5), ("$.a ? (@ > 1", 12), ("battery < 3", 7),
    ("$.a == 1 )", 9), ("", 0),
]  # fmt: skip


async def test_an_unreadable_path_is_refused_with_its_position(store: Database):
    for path, position in UNREADABLE:
        with pytest.raises(PathError, match=f"at character {position + 1}$") as caught:
            await devices_where(store.of("home"), path)
        assert caught.value.position == position


async def test_a_slow_path_is_given_up_and_changes_nothing(
    store: Database, devices: DeviceRepository
):
    await write_attributes(store.of("home"), "weak", {"n": list(range(3000))})
    slow = "$.n[*] ? (exists($.n[*] ? (exists($.n[*] ? (@ < 0)))))"
    with pytest.raises(PathTooSlowError, match="within 50 ms"):
        await devices_where(store.of("home"), slow, time_limit_ms=50)
    assert await devices_where(store.of("home"), "$.battery_mv < 2700") == ["weak"]


async def test_a_path_that_is_slow_to_read_is_given_up(store: Database):
    """A regular expression of 270 characters, which Postgres reads for seconds."""
    expression = "|".join(["[a-z]*b{1,50}"] * 18)
    slow = f'$.firmware like_regex "({expression}){{1,60}}"'
    with pytest.raises(PathTooSlowError, match="within 50 ms"):
        await devices_where(store.of("home"), slow, time_limit_ms=50)


async def test_an_equality_uses_the_index(store: Database, devices: DeviceRepository, database):
    async with store.of("home").transaction() as conn:
        await conn.execute(
            "INSERT INTO dormouse.device (key) SELECT 'n' || n FROM generate_series(1, 3000) n"
        )
        await conn.execute(
            """INSERT INTO dormouse.device_state (device_id, report)
               SELECT id, jsonb_build_object('room', 'r' || id) FROM dormouse.device
               WHERE key LIKE 'n%'"""
        )
    async with await psycopg.AsyncConnection.connect(database.admin_url, autocommit=True) as admin:
        await admin.execute("ANALYZE dormouse.device_state")
        assert await devices_where(store.of("home"), '$.room == "attic"') == ["strong"]
        await store._pool.close()

        async def used() -> bool:
            scans = await admin.execute(
                "SELECT idx_scan FROM pg_stat_user_indexes"
                " WHERE indexrelname = 'device_state_document'"
            )
            return (await scans.fetchone())[0] > 0

        await until(used)  # a connection tells its statistics when it has ended
