"""What has had its time goes by itself, and it can be seen that it did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg

from contracts.reading import Reading
from hub.database.database import Database
from hub.readings.retention import RetentionRule, set_retention
from hub.runtime.supervisor import Supervisor
from hub.upkeep.service import Upkeep
from tests.hub.ingest.test_ingest import key, stored
from tests.support.broker import until

TODAY = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
OLD = TODAY - timedelta(days=100)


def midnight() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


async def months(store: Database) -> set[str]:
    async with store.nobody() as conn:
        rows = await conn.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits "
            "WHERE inhparent = 'dormouse.reading'::regclass"
        )
        return {name.removeprefix("dormouse.") for (name,) in await rows.fetchall()}


async def test_it_goes_by_itself_by_the_rules_of_each_tenant(store: Database, database):
    await store.ensure_tenant("beach")
    for tenant in ("home", "beach"):
        readings = [Reading(key(), float(n), OLD + timedelta(days=n)) for n in range(0, 100, 7)]
        await stored(store, readings, tenant)
    await set_retention(store.of("home"), RetentionRule(30, 60, None))
    supervisor = Supervisor()
    began = midnight()
    upkeep = Upkeep(store, database.owner_url, supervisor, first_s=0.01)
    assert (upkeep.last, upkeep.next_at) == (None, None)
    await upkeep.start()
    await until(lambda: upkeep.last is not None and upkeep.last.finished_at is not None)
    await until(lambda: upkeep.next_at is not None and upkeep.next_at > datetime.now(UTC))
    await upkeep.stop()
    run = upkeep.last
    assert run is not None
    assert run.problem == ""
    kept, days = {"reading": 30, "hourly": 60}, (began, midnight())
    for one in run.expired:
        assert one.tenant == "home"
        assert one.before in {day - timedelta(days=kept[one.what]) for day in days}
    assert {one.what for one in run.expired} == set(kept)
    assert run.rows_of("beach") == 0
    assert run.months == []  # the other tenant keeps them for ever
    assert f"reading_{OLD:%Y_%m}" in await months(store)

    await set_retention(store.of("beach"), RetentionRule(30))
    run = await upkeep.run()
    gone = {month.name for month in run.months}
    assert f"reading_{OLD:%Y_%m}" in gone
    assert not gone & await months(store)
    assert {month.name for month in await upkeep.months()} == await months(store)
    rules = {str(one.of): one.rule for one in await upkeep.rules("home")}
    assert rules == {"None": RetentionRule(30, 60, None)}
    assert (await upkeep.sizes())[0] > 1_000_000


async def test_tables_are_vacuumed_once_a_tenth_of_them_is_dead(store: Database, database):
    await stored(store, [Reading(key(), 1.0, datetime.now(UTC))])
    upkeep = Upkeep(store, database.owner_url)
    assert "latest" not in (await upkeep.run()).vacuumed
    async with store.of("home").transaction() as conn:
        for n in range(1500):
            await conn.execute("UPDATE dormouse.latest SET value = %s", [float(n)])
    async with await psycopg.AsyncConnection.connect(database.admin_url, autocommit=True) as admin:

        async def counted() -> bool:
            await admin.execute("SELECT pg_stat_clear_snapshot()")
            rows = await admin.execute(
                "SELECT n_dead_tup > 1000 FROM pg_stat_user_tables WHERE relname = 'latest'"
            )
            return await rows.fetchone() == (True,)

        await until(counted)
    assert "latest" in (await upkeep.run()).vacuumed
    assert not Upkeep(store, None).vacuums
    assert (await Upkeep(store, None).run()).vacuumed == []


async def test_a_database_that_is_away_is_said_and_waited_for(store: Database, database, server):
    upkeep = Upkeep(store, database.owner_url)
    await server._execute("ALTER DATABASE {} ALLOW_CONNECTIONS false", database.name)
    async with await psycopg.AsyncConnection.connect(
        server.postgres.admin_url, autocommit=True
    ) as admin:
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [database.name],
        )
    assert "away" in (await upkeep.run()).problem
    await server._execute("ALTER DATABASE {} ALLOW_CONNECTIONS true", database.name)

    async def done() -> bool:
        return (await upkeep.run()).problem == ""

    await until(done)


async def test_a_clock_that_may_be_ahead_removes_nothing_by_itself(store: Database, database):
    await stored(store, [Reading(key(), 1.0, OLD)])
    await set_retention(store.of("home"), RetentionRule(30))
    upkeep = Upkeep(store, None, first_s=0.01, doubtful=lambda: True)
    await upkeep.start()
    await until(lambda: upkeep.last is not None and upkeep.last.finished_at is not None)
    await upkeep.stop()
    assert upkeep.last is not None
    assert "no time server" in upkeep.last.problem
    assert upkeep.last.months == []
    # Who asks for it knows the time.
    assert [month.name for month in (await upkeep.run()).months] == [f"reading_{OLD:%Y_%m}"]


async def test_what_a_tenant_keeps_is_told_and_holds_from_the_next_time(store, database):
    await store.ensure_tenant("beach")
    for tenant in ("home", "beach"):
        await stored(store, [Reading(key(), 1.0, OLD), Reading(key(), 2.0, TODAY)], tenant)
    upkeep = Upkeep(store, database.owner_url)
    assert await upkeep.rules("home") == []
    await upkeep.keep("home", RetentionRule(30, 60, None))
    [rule] = await upkeep.rules("home")
    assert (rule.rule, await upkeep.rules("beach")) == (RetentionRule(30, 60, None), [])
    # Another takes its place; until the next time nothing goes.
    await upkeep.keep("home", RetentionRule(50))
    [rule] = await upkeep.rules("home")
    assert rule.rule == RetentionRule(50)
    assert f"reading_{OLD:%Y_%m}" in await months(store)
    run = await upkeep.run()
    assert {(one.tenant, one.what) for one in run.expired} == {("home", "reading")}
    assert (run.rows_of("home"), run.rows_of("beach")) == (1, 0)
