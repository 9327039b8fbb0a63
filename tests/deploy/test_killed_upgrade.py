"""Upgrades, backups and the way back, killed at seeded points: nothing is lost.

`KILLS` is how many points of each, `UPGRADE_READINGS` how many readings the database has: `make
soak` has 50 points and a million readings elsewhere.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from hub.database.postgres import Postgres
from hub.database.upgrades.upgrading import FOLDER, upgrade_backups
from tests.releases.next_release import REVISION, next_release
from tests.support import seeds
from tests.support.hub import ROOT, HubProcess, until

KILLS = int(os.environ.get("KILLS", "1"))
READINGS = int(os.environ.get("UPGRADE_READINGS", "2000"))
# The last value of each: every hundredth series' readings are told apart by their numbers.
FILL = """
WITH made AS (
    INSERT INTO dormouse.device (key) SELECT 'd' || n FROM generate_series(1, 10) n RETURNING id
), series AS (
    INSERT INTO dormouse.series (device_id, service, index, characteristic, kind)
    SELECT id, 'TemperatureSensor', 0, 'CurrentTemperature', 'float' FROM made RETURNING id
)
INSERT INTO dormouse.reading (series_id, at, value)
SELECT id, '2026-01-01Z'::timestamptz + n * interval '20 s', n / 128.0
FROM series, generate_series(1, %s) n"""
CONTENTS = """
SELECT count(*), sum(hashtextextended((s.device_id, r.at, r.value)::text, 0)::numeric)
FROM dormouse.every_reading r JOIN dormouse.series s ON s.tenant_id = r.tenant_id
    AND s.id = r.series_id"""


async def contents(data: Path) -> tuple[str, int, int]:
    """Schema, number of readings and a sum over them, with nobody else in the folder."""
    async with Postgres(data / "postgres") as postgres:
        url = make_conninfo(postgres.admin_url, dbname="dormouse", options="-c timezone=UTC")
        async with await psycopg.AsyncConnection.connect(url) as conn:
            row = await (await conn.execute(CONTENTS)).fetchone()
            cursor = await conn.execute("SELECT version_num FROM dormouse.alembic_version")
            revision = await cursor.fetchone()
            return revision[0], row[0], int(row[1])


async def fill(data: Path) -> None:
    postgres = Postgres(data / "postgres")
    async with await psycopg.AsyncConnection.connect(postgres.owner_url) as conn:
        for month in range(1, 9):
            await conn.execute(
                "SELECT dormouse.ensure_partition(make_timestamptz(2026, %s, 1, 0, 0, 0))", [month]
            )
    async with await psycopg.AsyncConnection.connect(postgres.app_url) as conn:
        await conn.execute(
            "SELECT set_config('dormouse.tenant', dormouse.tenant_id('home')::text, true)"
        )
        await conn.execute(FILL, [READINGS // 10])


class Command:
    """A run of a version that may be killed."""

    def __init__(self, data: Path, tree: Path, *arguments: str) -> None:
        self.data, self.tree, self.arguments = data, tree, arguments

    async def run(self, kill_after_s: float | None) -> bool:
        """Whether it came to its end, and well."""
        ports = {f"DORMOUSE_{n}_PORT": "0" for n in ("HTTP", "MQTT", "MQTTS", "ENROL", "HAP")}
        with self.data.with_name("commands.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "host", *self.arguments, "--data-dir", str(self.data),
                cwd=self.tree, stdout=log, stderr=log,
                env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "PYTHONPATH": str(self.tree),
                     "DORMOUSE_HOST": "127.0.0.1", "DORMOUSE_OTA_BROADCAST": "", **ports},
            )  # fmt: skip
        ready = self.data / "hub.json"
        ready.unlink(missing_ok=True)

        async def over() -> bool:
            return process.returncode is not None or ready.exists()

        try:
            async with asyncio.timeout(kill_after_s):
                await until(over, limit_s=3600)
        except TimeoutError:
            process.send_signal(signal.SIGKILL)
            await process.wait()
            return False
        if process.returncode is None:  # a hub, which is up
            process.send_signal(signal.SIGINT)
        return await process.wait() == 0


async def swept(
    command: Command, before: tuple, allowed: set[str], chance: random.Random, undo: Command | None
) -> float:
    """Kill it at points all over its time, then let it come to its end; how long that took, in s.

    After each kill every reading is there, and the schema is one of those that are allowed. What
    came to its end before it was killed is undone, and shows how long it takes.
    """
    start, killed, longest = (await contents(command.data))[0], 0, 20.0
    while killed < KILLS:
        began = time.monotonic()
        if await command.run(chance.uniform(0.1, longest)):
            longest = min(longest, time.monotonic() - began)
        else:
            killed += 1
        revision, *rest = await contents(command.data)
        assert revision in allowed
        assert tuple(rest) == before
        if revision != start:
            assert undo is not None
            assert await undo.run(None)
    began = time.monotonic()
    assert await command.run(None)
    return time.monotonic() - began


@pytest.fixture
async def filled(hub):
    await fill(hub.data_dir)
    assert await hub.stop() == 0
    return hub.data_dir


@pytest.mark.timeout(1200 * KILLS)  # some twenty starts of a hub's database for each point
async def test_killed_upgrades_backups_and_ways_back_lose_nothing(filled: Path, tmp_path: Path):
    chance = random.Random(seeds.seed())
    newer = next_release(tmp_path / "next")
    revision, *before = await contents(filled)
    before = tuple(before)
    assert before[0] == READINGS // 10 * 10
    both = {revision, REVISION}

    backup = Command(filled, ROOT, "hub", "backup", str(tmp_path / "home.backup"))
    took = {"backup": await swept(backup, before, {revision}, chance, None)}
    up, back = Command(filled, newer, "hub"), Command(filled, newer, "hub", "downgrade")
    took["upgrade"] = await swept(up, before, both, chance, back)
    assert await contents(filled) == (REVISION, *before)
    assert upgrade_backups(filled / FOLDER)[0].revision == revision
    took["downgrade"] = await swept(back, before, both, chance, up)
    assert await contents(filled) == (revision, *before)
    # The hub of before runs on it, and its backup is whole.
    restore = Command(filled, ROOT, "hub", "restore", str(tmp_path / "home.backup"))
    took["restore"] = await swept(restore, before, {revision}, chance, None)
    hub = HubProcess(filled)
    await hub.start()
    assert await hub.stop() == 0
    assert await contents(filled) == (revision, *before)
    print({name: round(seconds, 1) for name, seconds in took.items()}, READINGS, "readings")
