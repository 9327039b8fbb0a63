"""A `$report` that comes while the database is away is kept once it is there again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql

from contracts.messages import Report, parse
from hub.database.database import Database
from hub.database.errors import DatabaseAwayError
from hub.devices.overview import overview
from hub.devices.recorder import DeviceRecorder
from hub.mqtt.delivery import Delivery
from tests.hub.ingest.test_ingest import NOW
from tests.support.postgres import ClonedDatabase, Server


def report(device: str, battery_mv: int) -> Report:
    topic = f"HomeKit/{device}/$report"
    made = parse(topic, b'{"firmware": "1.0.0", "battery_mv": %d}' % battery_mv)
    assert isinstance(made, Report)
    return made


def delivery(minute: int, tag: object = "1") -> Delivery:
    return Delivery("", b"", NOW + timedelta(minutes=minute), tag=tag)


async def renamed(server: Server, old: str, new: str) -> None:
    """Nobody reaches a database by its old name; who was connected is cut off."""
    async with await psycopg.AsyncConnection.connect(
        server.postgres.admin_url, autocommit=True
    ) as conn:
        statement = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        while True:
            await conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [old]
            )
            try:
                await conn.execute(statement.format(*map(sql.Identifier, (old, new))))
            except psycopg.errors.ObjectInUse:
                continue
            return


@pytest.mark.timeout(300)
async def test_the_last_report_of_each_device_waits_for_the_database(
    server: Server, database: ClonedDatabase, store: Database
):
    recorder = DeviceRecorder(store, lambda _: "home")
    await recorder.report(report("d1", 1000), delivery(0))
    away = f"{database.name}_away"
    await renamed(server, database.name, away)
    tasks = [
        asyncio.create_task(recorder.report(report(device, mv), delivery(minute)))
        for device, mv, minute in (("d1", 1001, 1), ("d2", 2001, 1), ("d1", 1002, 2))
    ]
    with pytest.raises(DatabaseAwayError):
        await recorder.report(report("d3", 3001), delivery(1, tag=None))
    done, waiting = await asyncio.wait(tasks, timeout=1)
    # The last one of each waits; the one before it need not any more.
    assert waiting >= set(tasks[1:])
    assert [task.exception() for task in done] in ([], [None])
    await renamed(server, away, database.name)
    await asyncio.gather(*tasks)
    found = {one.device: one.battery_mv for one in await overview(store.of("home"))}
    assert found == {"d1": 1002, "d2": 2001}
