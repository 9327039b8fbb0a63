from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta, timezone

import psycopg
import pytest

from hub.database.arrays import bools, float8s, instants, int4s, texts
from hub.database.database import Database
from hub.database.errors import RefusedValueError

NOW = datetime(2026, 3, 1, 12, 34, 56, 789012, tzinfo=UTC)
CASES = {
    "int4": (int4s, [0, 1, -1, 2**31 - 1, -(2**31)]),
    "float8": (float8s, [0.0, -0.0, 1.5, -1e308, 5e-324, math.inf, 20.1]),
    "bool": (bools, [True, False]),
    "text": (texts, ["", "x", "Wärme °C", "\U0001f42d", "a\tb", "NULL", "{}"]),
    "timestamptz": (instants, [
        NOW, NOW.replace(year=1970), NOW.replace(year=1), NOW.replace(year=9999),
        NOW.astimezone(timezone(timedelta(hours=5, minutes=30))), datetime(2000, 1, 1, tzinfo=UTC),
    ]),
}  # fmt: skip


async def back(store: Database, kind: str, encode, values: list) -> list:
    async with store.nobody() as conn:
        # As text, since not every instant that Postgres has is one of Python's.
        query = f"SELECT %b::{kind}[]::text, %s::{kind}[]::text"
        row = await (await conn.execute(query, [encode(values), values])).fetchone()
    assert row[0] == row[1]
    return row


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("seed", range(5))
async def test_it_is_what_the_driver_would_have_sent(store: Database, kind, seed):
    encode, values = CASES[kind]
    chosen = random.Random(f"{kind} {seed}").choices(values, k=random.Random(seed).randint(1, 300))
    await back(store, kind, encode, chosen)
    if kind != "timestamptz":
        sparse = [value if n % 3 else None for n, value in enumerate([*chosen, values[0]], 2)]
        await back(store, kind, encode, sparse)


@pytest.mark.parametrize("kind", CASES)
async def test_nulls_alone_are_filled_up_beside_a_longer_column(store: Database, kind):
    encode, _ = CASES[kind]
    async with store.nobody() as conn:
        query = f"SELECT * FROM unnest(%b::int4[], %b::{kind}[])"
        empty = encode([] if kind == "timestamptz" else [None, None])
        rows = await (await conn.execute(query, [int4s([7, 8]), empty])).fetchall()
    assert rows == [(7, None), (8, None)]


@pytest.mark.parametrize(("encode", "value"), [
    (int4s, 2**31), (int4s, -(2**31) - 1), (int4s, 1.5), (float8s, "x"), (texts, "\ud800"),
])  # fmt: skip
def test_a_value_that_does_not_fit_is_the_values_fault(encode, value):
    with pytest.raises(psycopg.DataError):
        encode([value])
    with pytest.raises(psycopg.DataError):
        encode([value, None])


async def test_a_nul_in_a_text_is_the_values_fault(store: Database):
    with pytest.raises(RefusedValueError):
        async with store.nobody() as conn:
            await conn.execute("SELECT %b::text[]", [texts(["a\0b"])])
