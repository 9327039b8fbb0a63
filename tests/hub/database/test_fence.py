"""What a worker commits under a lease: while it has it, and not afterwards."""

from __future__ import annotations

import asyncio

import pytest

from contracts.reading import Reading
from hub.database.database import Database
from hub.database.errors import DatabaseAwayError
from hub.database.lease.fence import Fence
from hub.ingest.repository import IntakeRepository
from tests.hub.ingest.test_ingest import NOW, key


async def taken(store: Database, mark: str) -> None:
    async with store.nobody() as conn:
        await conn.execute(
            "SELECT dormouse.take_lease('cell a:1', %s, 'attic', 1, '0.1.0')", [mark]
        )


async def test_who_slept_commits_nothing_under_a_lease_that_another_took(store: Database):
    await taken(store, "first")
    intake = IntakeRepository(store.of("home"), fence=Fence("cell a:1", "first"))
    await intake.ensure_tenant()
    await intake.ensure_partitions([NOW])
    assert await intake.store([Reading(key(), 1.0, NOW)]) == {"stored": 1}

    async with store.of("home").transaction() as conn:
        await Fence("cell a:1", "first").close(conn)
        taking = asyncio.create_task(taken(store, "second"))
        # What the former holder is committing just now is waited for.
        async with store.nobody() as other:
            while not await (
                await other.execute(
                    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                )
            ).fetchone():
                assert not taking.done()
    await taking

    with pytest.raises(DatabaseAwayError) as refused:
        await intake.store([Reading(key(), 2.0, NOW)])
    assert refused.value.reason == 'another worker has the lease "cell a:1"'
    async with store.of("home").transaction() as conn:
        found = await conn.execute("SELECT value FROM dormouse.reading")
        assert await found.fetchall() == [(1.0,)]
    successor = IntakeRepository(store.of("home"), fence=Fence("cell a:1", "second"))
    assert await successor.store([Reading(key(), 2.0, NOW)])
