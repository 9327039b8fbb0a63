"""Transactions of several tenants on one connection, one after the other: nothing leaks."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import psycopg
from psycopg import errors as pg

from hub.database.database import Database
from tests.hub.database.bouncer import bouncer
from tests.hub.database.test_isolation import two
from tests.support import seeds

__all__ = ["two"]  # the fixture

# Of twenty clients together; `make soak` has 10,000.
TRANSACTIONS = int(os.environ.get("LEAK_TRANSACTIONS", "2000"))


async def test_no_leak_in_interleaved_transactions(
    server,
    database,
    two: Database,  # the fixture
    server_folder: Path,
):
    seed = seeds.seed()
    numbers = {name: await two.tenant_id(name) for name in ("a", "b")}
    leaks: list[object] = []
    done = 0
    query = (
        "SELECT count(*)::int, count(*) FILTER (WHERE tenant_id IS DISTINCT FROM %s)::int, "
        "(SELECT count(*) FROM dormouse.device)::int FROM dormouse.reading"
    )

    async def client(url: str, rng: random.Random, transactions: int) -> None:
        nonlocal done
        async with await psycopg.AsyncConnection.connect(url, prepare_threshold=None) as conn:
            for _ in range(transactions):
                number = rng.choice([numbers["a"], numbers["b"], None])
                fails = rng.random() < 0.05
                try:
                    async with conn.transaction(), conn.pipeline():
                        if number is not None:
                            await conn.execute(
                                "SELECT set_config('dormouse.tenant', %s, true)", [str(number)]
                            )
                        cursor = await conn.execute(query, [number])
                        if fails:
                            await conn.execute("SELECT 1 / 0")
                        row = await cursor.fetchone()
                except pg.DivisionByZero:
                    done += 1
                    continue
                if row != ((5, 0, 4) if number is not None else (0, 0, 0)):
                    leaks.append((number, row))
                done += 1

    async with bouncer(server, database, server_folder) as url:
        rng = random.Random(seed)
        await asyncio.gather(
            *(client(url, random.Random(rng.random()), TRANSACTIONS // 20) for _ in range(20))
        )
    assert done == TRANSACTIONS
    assert leaks == []
