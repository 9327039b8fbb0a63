from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from contracts.reading import Identity, Reading, SeriesKey, Value
from hub.database.database import Database
from hub.devices.replacement import replace_device
from hub.ingest.ingest import Ingest
from hub.ingest.repository import IntakeRepository
from hub.runtime.supervisor import Supervisor

NOW = datetime.now(UTC).replace(microsecond=0)


def key(device: str = "d1", characteristic: str = "CurrentTemperature") -> SeriesKey:
    return SeriesKey(device, "TemperatureSensor", 0, characteristic)


def plain(value: Value, *, minutes: float = 0, redelivered: bool = False, device: str = "d1"):
    return Reading(key(device), value, NOW + timedelta(minutes=minutes), None, redelivered)


def batch(seq: int, value: Value = 20.0, *, boot: str = "b1", device: str = "d1"):
    return Reading(key(device), value, NOW + timedelta(seconds=seq), Identity(boot, seq))


async def stored(store: Database, readings: Sequence[Reading], tenant: str = "home") -> Ingest:
    """Each reading a message of its own, all committed."""
    ingest = Ingest(store.of(tenant))
    await ingest.start()
    done: list[int] = []
    for number, reading in enumerate(readings):
        ingest.put([reading], lambda number=number: done.append(number))
    # A hub that ends waits 3 s; a database that has much to do takes longer.
    await ingest.stop(timeout=60)
    assert done == list(range(len(readings)))
    return ingest


async def rows(store: Database, tenant: str = "home") -> list[tuple]:
    async with store.of(tenant).transaction() as conn:
        found = await conn.execute(
            """SELECT d.key, s.characteristic, s.kind, r.at, r.value, r.text
               FROM dormouse.reading r JOIN dormouse.series s ON s.id = r.series_id
               JOIN dormouse.device d ON d.id = s.device_id ORDER BY d.key, r.at, r.value"""
        )
        return await found.fetchall()


async def test_numbers_booleans_and_text_are_kept(store: Database):
    await stored(store, [
        Reading(key(), 20.125, NOW),
        Reading(key(characteristic="On"), True, NOW + timedelta(seconds=1)),
        Reading(key(characteristic="Name"), "Büro", NOW + timedelta(seconds=2)),
        Reading(key(characteristic="Level"), 7, NOW + timedelta(seconds=3)),
    ])  # fmt: skip
    assert [row[1:] for row in await rows(store)] == [
        ("CurrentTemperature", "float", NOW, 20.125, None),
        ("On", "bool", NOW + timedelta(seconds=1), 1.0, None),
        ("Name", "string", NOW + timedelta(seconds=2), None, "Büro"),
        ("Level", "int", NOW + timedelta(seconds=3), 7.0, None),
    ]


async def test_a_batch_reading_sent_again_is_stored_once(store: Database):
    first = await stored(store, [batch(1), batch(2), batch(2)])
    assert first.counts == {"stored": 2, "held": 1}
    again = await stored(store, [batch(2), batch(3), batch(1, boot="b2")])
    assert again.counts == {"stored": 2, "held": 1}
    assert len(await rows(store)) == 4


async def test_plain_topics_of_a_device_that_sends_batches_are_not_stored(store: Database):
    await stored(store, [batch(1)])
    seen = await stored(store, [plain(20.0, minutes=1), plain(3.0, device="other")])
    assert seen.counts == {"stored": 1, "shadowed": 1}
    assert [row[0] for row in await rows(store)] == ["d1", "other"]


async def test_a_redelivered_reading_that_repeats_the_last_row_is_not_stored_again(store: Database):
    seen = await stored(store, [plain(20.0), plain(20.0, minutes=1, redelivered=True)])
    assert seen.counts == {"stored": 1, "repeated": 1}
    seen = await stored(store, [
        plain(20.0, minutes=2, redelivered=True),
        plain(21.0, minutes=3, redelivered=True),
        plain(21.0, minutes=4),
    ])  # fmt: skip
    assert seen.counts == {"stored": 2, "repeated": 1}


async def test_impossible_times_go_to_quarantine(store: Database):
    far = Reading(key(), 1.0, NOW + timedelta(days=400))
    old = Reading(key(), 2.0, datetime(1970, 1, 1, tzinfo=UTC))
    seen = await stored(store, [far, old, plain(3.0)])
    assert seen.counts == {"stored": 1, "quarantined": 2}
    assert [row[4] for row in await rows(store)] == [3.0]
    async with store.of("home").transaction() as conn:
        found = await conn.execute("SELECT reason FROM dormouse.quarantine ORDER BY reason")
        assert await found.fetchall() == [("future",), ("past",)]


async def test_late_readings_find_their_month(store: Database):
    late = [Reading(key(), float(n), datetime(2019, n, 3, tzinfo=UTC)) for n in range(1, 13)]
    await stored(store, [*late, plain(99.0)])
    assert [row[4] for row in await rows(store)] == [*map(float, range(1, 13)), 99.0]


async def test_a_reading_the_database_refuses_holds_up_no_other(store: Database):
    bad = Reading(key(characteristic="Name"), "nul \0", NOW)
    seen = await stored(store, [plain(1.0), bad, plain(2.0, minutes=1)])
    assert seen.counts == {"stored": 2, "refused": 1}


async def test_commits_are_told_in_order_before_done(store: Database):
    told: list[str] = []
    ingest = Ingest(
        store.of("home"), lambda readings: told.extend(str(r.identity.seq) for r in readings)
    )
    await ingest.start()
    committed = asyncio.Event()
    ingest.put([batch(1), batch(2)], lambda: told.append("done"))
    ingest.put([batch(2)], committed.set)
    await asyncio.wait_for(committed.wait(), 30)
    await ingest.stop()
    assert told == ["1", "2", "2", "done"]


async def test_a_key_that_goes_to_another_while_a_reading_is_stored_is_looked_up_anew(
    store: Database, database
):
    """What follows is the other's, and not for ever whose the key was."""
    await stored(store, [plain(1), plain(2, device="new")])
    intake = IntakeRepository(store.of("home"))
    lock = "SELECT pg_advisory_xact_lock(dormouse.rollup_lock(dormouse.tenant_id('home')))"
    async with asyncio.TaskGroup() as group:
        async with await psycopg.AsyncConnection.connect(database.owner_url) as owner:
            await owner.execute(lock)
            late = group.create_task(intake.store([plain(3, minutes=1, device="new")]))
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            while (await (await owner.execute(waiting)).fetchone()) != (1,):
                await asyncio.sleep(0.05)
            await replace_device(store.of("home"), "d1", "new", who="ann")
            intake.forget_numbers()
        await late
    await intake.store([plain(4, minutes=2, device="new")])
    found = {row[4]: row[0] for row in await rows(store)}
    assert (found[1.0], found[4.0]) == ("new", "new")
    assert found[2.0] == found[3.0] != "new"


async def test_the_database_is_awaited_for_ever(store: Database, server, database):
    ingest = Ingest(store.of("home"))
    await ingest.start()
    done = asyncio.Event()
    await server._execute("ALTER DATABASE {} ALLOW_CONNECTIONS false", database.name)
    await kill_connections(server, database.name)
    ingest.put([plain(1.0)], done.set)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(done.wait(), 0.5)
    await server._execute("ALTER DATABASE {} ALLOW_CONNECTIONS true", database.name)
    await asyncio.wait_for(done.wait(), 30)
    await ingest.stop()
    assert len(await rows(store)) == 1


async def test_a_defect_is_not_called_the_database_away_and_loses_nothing(
    store: Database, database, caplog
):
    supervisor = Supervisor(sleep=lambda _: asyncio.sleep(0.01))
    ingest = Ingest(store.of("home"), supervisor=supervisor)
    await ingest.start()
    done = asyncio.Event()
    rename = "ALTER FUNCTION dormouse.{} RENAME TO {}"
    async with await psycopg.AsyncConnection.connect(database.owner_url, autocommit=True) as owner:
        await owner.execute(rename.format("store_readings", "gone").encode())
        ingest.put([plain(1.0)], done.set)
        async with asyncio.timeout(30):
            while supervisor.defects.total < 2:
                await asyncio.sleep(0.02)
        await owner.execute(rename.format("gone", "store_readings").encode())
    await asyncio.wait_for(done.wait(), 30)
    await ingest.stop()
    assert len(await rows(store)) == 1
    assert "away" not in caplog.text
    assert caplog.text.count("Traceback") == 1, "its trace is logged once"


async def test_a_defect_loses_no_reading_and_is_counted(store: Database, monkeypatch):
    async def sleep(_: float) -> None:
        await asyncio.sleep(0)

    supervisor = Supervisor(sleep=sleep)
    ingest = Ingest(store.of("home"), supervisor=supervisor)
    await ingest.start()
    once, fails = ingest._repository.store, 2

    async def fail_twice(readings: Sequence[Reading]) -> Mapping[str, int]:
        nonlocal fails
        if fails:
            fails -= 1
            raise ZeroDivisionError("not foreseen")
        return await once(readings)

    monkeypatch.setattr(ingest._repository, "store", fail_twice)
    done: list[int] = []
    committed = asyncio.Event()
    ingest.put([plain(1.0)], lambda: done.append(1))
    ingest.put([plain(2.0, minutes=1)], committed.set)
    await asyncio.wait_for(committed.wait(), 30)
    await ingest.stop()
    assert done == [1]
    assert [row[4] for row in await rows(store)] == [1.0, 2.0]
    (defect,) = supervisor.defects.all()
    assert (defect.kind, defect.count) == ("ZeroDivisionError", 2)


async def kill_connections(server, name: str) -> None:
    async with await psycopg.AsyncConnection.connect(
        server.postgres.admin_url, autocommit=True
    ) as conn:
        await conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
