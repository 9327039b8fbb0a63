"""The partitions of readings: made once, ahead of time, however many tenants want them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import psycopg

from contracts.reading import Reading, SeriesKey
from hub.database.database import Database
from hub.ingest.ingest import Ingest
from hub.ingest.months import MonthsAhead
from hub.runtime.supervisor import Supervisor
from tests.support.broker import until

AT = datetime(2021, 3, 4, tzinfo=UTC)  # a month that nobody has made


async def _waiting(conn: psycopg.AsyncConnection, count: int) -> None:
    async def enough() -> bool:
        found = await conn.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return (await found.fetchone())[0] >= count

    await until(enough)


async def test_the_first_readings_of_a_month_of_several_tenants_at_once(store: Database, database):
    supervisor = Supervisor()
    tenants = ["home", "beach", "school"]
    ingests = []
    for tenant in tenants:
        ingest = Ingest(store.of(tenant), supervisor=supervisor)
        await ingest.start()
        ingests.append(ingest)
    done: set[str] = set()
    async with await psycopg.AsyncConnection.connect(database.owner_url, autocommit=True) as owner:
        # All of them have found that there is none before one of them makes it.
        await owner.execute("SELECT pg_advisory_lock(hashtext('dormouse.reading partitions'))")
        for tenant, ingest in zip(tenants, ingests, strict=True):
            key = SeriesKey("d1", "TemperatureSensor", 0, "CurrentTemperature")
            ingest.put([Reading(key, 20.0, AT)], lambda tenant=tenant: done.add(tenant))
        await _waiting(owner, len(tenants))
        await owner.execute("SELECT pg_advisory_unlock(hashtext('dormouse.reading partitions'))")
    await until(lambda: done == set(tenants))
    for ingest in ingests:
        await ingest.stop()
        assert ingest.counts == {"stored": 1}
    assert supervisor.defects.all() == []


async def test_months_are_there_before_their_first_reading(store: Database):
    ahead = MonthsAhead(store)
    await ahead.start()

    async def made() -> bool:
        async with store.nobody() as conn:
            found = await conn.execute(
                "SELECT dormouse.has_partition('reading_' || to_char((now() AT TIME ZONE 'UTC')"
                " + n * interval '1 month', 'YYYY_MM')) FROM generate_series(0, 2) AS n"
            )
            return [row[0] for row in await found.fetchall()] == [True] * 3

    await until(made)
    await ahead.stop()


async def test_what_was_asked_for_while_the_database_was_away_is_made_later(
    store: Database, server, database
):
    ahead = MonthsAhead(store)
    ahead.BACK_OFF = (0.05, 0.1)
    await server._execute("ALTER DATABASE {} ALLOW_CONNECTIONS false", database.name)
    async with await psycopg.AsyncConnection.connect(
        server.postgres.admin_url, autocommit=True
    ) as admin:
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [database.name],
        )
    await ahead.start()
    await asyncio.sleep(0)
    await server._execute("ALTER DATABASE {} ALLOW_CONNECTIONS true", database.name)

    async def made() -> bool:
        async with await psycopg.AsyncConnection.connect(database.owner_url) as owner:
            found = await owner.execute(
                "SELECT count(*) FROM pg_inherits WHERE inhparent = 'dormouse.reading'::regclass"
            )
            return (await found.fetchone())[0] >= 3

    await until(made)
    await ahead.stop()
