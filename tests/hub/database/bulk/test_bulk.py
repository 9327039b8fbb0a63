"""Many rows at once, in tables of this test's own and in one with history and tenants."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest
from psycopg import errors as pg
from psycopg.types.range import Range

from hub.database.bulk import update_rows, update_rows_at_once, upsert_rows
from hub.database.database import Database
from hub.database.errors import BulkError, ForeignRowError
from hub.database.refusals import typed

TABLE = """
CREATE SCHEMA "Stock Room";
CREATE TABLE "Stock Room".item (
    shop integer, sku text, n integer DEFAULT 7, price numeric(10, 2), at timestamptz,
    tags text[], grid integer[], document json, facts jsonb, span int4range, raw bytea, odd float8,
    "select" boolean, twice integer GENERATED ALWAYS AS (n * 2) STORED,
    PRIMARY KEY (shop, sku));
CREATE TABLE "Stock Room".counted (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
"""
ITEM = '"Stock Room".item'
KEY = ("shop", "sku")
EVERYTHING = {
    "n": 1, "price": Decimal("2.50"), "at": datetime(2026, 1, 2, tzinfo=UTC),
    "tags": ["a,b", 'c"d', "", None], "grid": [[1, 2], [3, 4]], "document": {"a": [1, None]},
    "facts": "text", "span": Range(1, 5), "raw": b"\x00\xff", "odd": math.inf, "select": True,
}  # fmt: skip


@pytest.fixture
async def conn(database):
    async with await psycopg.AsyncConnection.connect(database.owner_url) as found:
        await found.execute(TABLE)
        yield found


async def rows(conn, columns: str) -> list[tuple]:
    query = f"SELECT {columns} FROM {ITEM} ORDER BY shop, sku"
    return await (await conn.execute(query.encode())).fetchall()


async def test_every_kind_of_value_goes_there_and_comes_back(conn):
    nothing = dict.fromkeys(EVERYTHING)
    given = [{"shop": 1, "sku": "x", **EVERYTHING}, {"shop": 1, "sku": "y", **nothing}]
    added = await upsert_rows(conn, ITEM, given, key=KEY)
    assert sorted((one.key, one.before) for one in added) == [((1, "x"), None), ((1, "y"), None)]
    assert {one.key[1]: one.after for one in added} == {"x": EVERYTHING, "y": nothing}
    # The same again changes nothing, whichever way.
    assert await upsert_rows(conn, ITEM, given, key=KEY) == []
    assert await update_rows(conn, ITEM, given, key=KEY) == []
    swapped = [{**given[0], "sku": "y"}, {**given[1], "sku": "x"}]
    changed = {one.key[1]: one for one in await update_rows(conn, ITEM, swapped, key=KEY)}
    assert (changed["x"].before, changed["x"].after) == (EVERYTHING, nothing)
    assert (changed["y"].before, changed["y"].after) == (nothing, EVERYTHING)


async def test_update_changes_what_is_there_and_upsert_adds_the_rest(conn):
    await upsert_rows(conn, ITEM, [{"shop": 1, "sku": "a"}, {"shop": 2, "sku": "a"}], key=KEY)
    assert await rows(conn, "shop, n") == [(1, 7), (2, 7)]  # the column's default
    given = [{"sku": "a", "n": 5, "shop": 2}, {"sku": "b", "n": 6, "shop": 2}]
    updated = await update_rows(conn, ITEM, given, key=KEY)
    assert [(one.key, one.before, one.after) for one in updated] == [((2, "a"), {"n": 7}, {"n": 5})]
    added = await upsert_rows(conn, ITEM, given, key=KEY)
    assert [(one.key, one.before, one.after) for one in added] == [((2, "b"), None, {"n": 6})]
    assert await rows(conn, "shop, sku, n, twice") == [
        (1, "a", 7, 14), (2, "a", 5, 10), (2, "b", 6, 12)
    ]  # fmt: skip
    assert await update_rows(conn, ITEM, [], key=KEY) == []


async def test_an_identity_can_be_given_and_a_key_alone_is_enough(conn):
    counted = '"Stock Room".counted'
    assert (
        len(await upsert_rows(conn, counted, [{"id": 5, "name": "a"}, {"id": 6, "name": "b"}])) == 2
    )
    assert await upsert_rows(conn, counted, [{"id": 5}]) == []
    assert len(await upsert_rows(conn, counted, [{"id": 5}, {"id": 7}])) == 1


@pytest.mark.parametrize(
    ("given", "key", "told"),
    [
        ([{"shop": 1, "sku": "a", "nn": 1}], KEY, "it has no column 'nn'"),
        ([{"shop": 1, "sku": "a", 'n" = 1; --': 1}], KEY, "it has no column"),
        ([{"shop": 1, "sku": "a", "twice": 1}], KEY, "column 'twice' is made by the database"),
        ([{"shop": 1, "n": 1}], KEY, "the rows have no sku"),
        ([{"shop": 1, "n": 1}], ("shop",), "no unique key of shop"),
        ([{"shop": 1, "sku": "a"}, {"shop": 1, "sku": "b", "n": 1}], KEY, "row 2 differs .* in n"),
        ([{"shop": 1, "sku": "a"}, {"shop": 1, "sku": "a"}], KEY, "rows 1 and 2 have the same key"),
        ([{"shop": 1, "sku": None}], KEY, "row 1 has no value of its key"),
        ([{"shop": 1, "sku": "a", "n": object()}], KEY, "column n: "),
    ],
)
async def test_what_cannot_be_is_said_in_a_line(conn, given, key, told):
    with pytest.raises(BulkError, match=told):
        await upsert_rows(conn, ITEM, given, key=key)
    assert await rows(conn, "*") == []


async def test_all_or_nothing(conn):
    await conn.execute(f"ALTER TABLE {ITEM} ADD CHECK (n < 10)".encode())
    with pytest.raises(pg.CheckViolation):
        await upsert_rows(
            conn, ITEM, [{"shop": 1, "sku": str(n), "n": n} for n in range(11)], key=KEY
        )
    assert await rows(conn, "*") == []
    with pytest.raises(BulkError, match="no such table"):
        await update_rows(conn, "nowhere", [{"id": 1, "n": 1}])


async def test_a_constant_number_of_statements(conn, database):
    for number in (1, 1000):
        given = [{"shop": 1, "sku": str(n), "n": number} for n in range(number)]
        sent = []
        real = conn.execute

        async def execute(query, *args, sent=sent, real=real, **kwargs):
            sent.append(query)
            return await real(query, *args, **kwargs)

        conn.execute = execute
        assert len(await upsert_rows(conn, ITEM, given, key=KEY)) == number
        del conn.execute
        assert len(sent) == 2


async def test_two_at_once_wait_for_each_other(conn, database):
    given = [{"shop": 1, "sku": f"{n:03}", "n": 0} for n in range(200)]
    await upsert_rows(conn, ITEM, given, key=KEY)
    await conn.commit()

    async def write(value: int, order: int) -> int:
        async with await psycopg.AsyncConnection.connect(database.owner_url) as other:
            mine = [{**row, "n": value} for row in given][::order]
            return len(await update_rows(other, ITEM, mine, key=KEY))

    assert await asyncio.gather(*(write(n, 1 if n % 2 else -1) for n in range(1, 6))) == [200] * 5


def test_without_asyncio(database):
    with psycopg.connect(database.owner_url) as conn:
        conn.execute("CREATE TABLE public.plain (id integer PRIMARY KEY, v integer)")
        conn.execute("INSERT INTO public.plain SELECT n, 0 FROM generate_series(1, 3) AS n")
        changed = update_rows_at_once(conn, "public.plain", [{"id": 2, "v": 1}, {"id": 9, "v": 1}])
        assert [one.key for one in changed] == [(2,)]


async def test_history_and_tenants_are_kept(store: Database):
    await store.ensure_tenant("other")
    numbers = {}
    for tenant in ("home", "other"):
        async with store.of(tenant).transaction() as conn:
            cursor = await conn.execute(
                "INSERT INTO dormouse.device (key) SELECT 'd' || n FROM generate_series(1, 50) n "
                "RETURNING id"
            )
            numbers[tenant] = [row[0] for row in await cursor.fetchall()]
    given = [{"id": n, "name": f"n{n}"} for n in numbers["home"] + numbers["other"]]
    async with store.of("home").transaction() as conn:
        changed = await update_rows(conn, "dormouse.device", given)
        assert sorted(one.key[0] for one in changed) == sorted(numbers["home"])
        row = await (
            await conn.execute("SELECT count(*), max(tick) FROM dormouse.tick WHERE tick > 1")
        ).fetchone()
        assert row == (50, 2)
        names = await (
            await conn.execute(
                "SELECT count(*) FROM dormouse.device_name_history WHERE ticks = '[2,)'"
            )
        ).fetchone()
        assert names == (50,)
        # What is so already makes no tick.
        assert await update_rows(conn, "dormouse.device", given) == []
    async with store.of("home").transaction() as conn:
        number = await store.tenant_id("other")
        with pytest.raises(ForeignRowError), typed():
            await upsert_rows(
                conn, "dormouse.key_value",
                [{"tenant_id": number, "owner": "a", "area": "b", "key": "c", "value": 1}],
                key=("tenant_id", "owner", "area", "key"),
            )  # fmt: skip
