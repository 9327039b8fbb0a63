"""What of the driver's errors is the database being away, and what is not."""

import psycopg
import pytest
from psycopg import errors as pg

from hub.database.database import Database
from hub.database.errors import DatabaseAwayError, RefusedValueError, WriteConflictError


async def test_a_database_that_takes_nobody_is_away(store: Database, server, database):
    await store.ping()
    await server._execute("ALTER DATABASE {} ALLOW_CONNECTIONS false", database.name)
    async with await psycopg.AsyncConnection.connect(
        server.postgres.admin_url, autocommit=True
    ) as admin:
        with pytest.raises(DatabaseAwayError) as caught:
            async with store.of("home").transaction() as conn:
                await admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    [database.name],
                )
                await conn.execute("SELECT 1")
    # The reason is for the log: people are told nothing of sockets and hosts.
    assert str(caught.value) == "the database is away: try again in a moment"
    assert "terminat" in caught.value.reason
    await server._execute("ALTER DATABASE {} ALLOW_CONNECTIONS true", database.name)


@pytest.mark.parametrize("pipelined", [False, True])
async def test_a_defect_is_not_the_database_being_away(store: Database, pipelined):
    with pytest.raises(pg.UndefinedTable):
        async with store.of("home").transaction(pipelined=pipelined) as conn:
            await (await conn.execute("SELECT 1 FROM dormouse.nothing")).fetchall()


async def test_a_query_that_takes_too_long_is_not_the_database_being_away(store: Database):
    with pytest.raises(pg.QueryCanceled):
        async with store.of("home").transaction() as conn:
            await conn.execute("SET LOCAL statement_timeout = 1")
            await conn.execute("SELECT pg_sleep(10)")


async def test_a_value_that_does_not_fit_is_refused(store: Database):
    with pytest.raises(RefusedValueError, match="out of range"):
        async with store.of("home").transaction() as conn:
            await conn.execute("SELECT %s::text::int", ["99999999999"])


async def test_who_gives_way_to_another_writer_may_try_again(store: Database):
    with pytest.raises(WriteConflictError):
        async with store.nobody() as conn:
            await conn.execute("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")


async def test_a_server_that_takes_no_writes_is_away(store: Database, database):
    """A primary that became a standby: what is to be stored waits, and is not refused."""
    async with await psycopg.AsyncConnection.connect(database.owner_url, autocommit=True) as conn:
        await conn.execute(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    async with Database(database.app_url) as standby:
        with pytest.raises(DatabaseAwayError):
            await standby.ensure_tenant("school")


async def test_what_the_block_itself_raises_goes_through(store: Database):
    with pytest.raises(OSError, match="disk"):
        async with store.of("home").transaction():
            raise OSError("disk")
