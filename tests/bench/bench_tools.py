"""The store's tools for any table: tenants by chains, bulk changes with history, drift.

A part of the store's bench that needs none of its ten million readings.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from pathlib import Path

import psycopg
import sqlalchemy
from sqlalchemy import Identity, MetaData, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from hub.database.bulk import update_rows
from hub.database.history import Temporal
from hub.database.tenancy.drift import drift
from hub.database.upgrade import engine_url
from tests.bench.report import note, report
from tests.bench.store_load import Loaded, loaded
from tests.bench.store_tools import chains
from tests.hub.database.tenancy.test_tamperings import LOGIN, TAMPERINGS

FRIENDS, ONE_BY_ONE = 100_000, 300


class FriendBase(DeclarativeBase):
    metadata = MetaData(schema="friends")


class Friend(FriendBase, Temporal):
    __tablename__ = "friend"
    track = ("name", "location")
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    location: Mapped[str] = mapped_column(Text)


async def run() -> None:
    """All figures, in one run."""
    async with loaded(0) as found:
        await tamperings(found)
        await bulk(found)
        await chains(found)


async def tamperings(found: Loaded) -> None:
    """How many of the seeded ones drift names; each is undone again."""
    named = 0
    async with await found.admin() as admin:
        await admin.execute("SELECT dormouse.ensure_partition('2020-01-05')")
        await admin.execute("REVOKE TEMPORARY ON DATABASE dormouse FROM PUBLIC")
        for change, seen in TAMPERINGS:
            # The database is called otherwise than a test's.
            prefix = seen.replace("in test_", "in dormouse")
            async with admin.transaction(force_rollback=True):
                await admin.execute("SET LOCAL client_min_messages = error")
                await admin.execute(change.format(database="dormouse").encode())
                await admin.execute(f"SET LOCAL SESSION AUTHORIZATION {LOGIN}".encode())
                differences = [str(one) for one in await drift(admin)]
                if any(one.startswith(prefix) for one in differences):
                    named += 1
                else:
                    note(f"not named: {change}: {differences}")
                await admin.execute("SET LOCAL SESSION AUTHORIZATION DEFAULT")
    report("tools.tamperings_seeded", float(len(TAMPERINGS)), "tamperings", ">= 20")
    report("tools.tamperings_named", float(named), "tamperings", f">= {len(TAMPERINGS)}")


async def bulk(found: Loaded) -> None:
    """A value of its own for each of 100,000 entities with history; and one by one."""
    url = psycopg.conninfo.make_conninfo(found.postgres.owner_url, dbname="dormouse")
    engine = sqlalchemy.create_engine(engine_url(url))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.schema.CreateSchema("friends"))
        FriendBase.metadata.create_all(connection)
        connection.exec_driver_sql(
            "INSERT INTO friends.friend (name, location) SELECT 'f' || n, 'New York' "
            f"FROM generate_series(1, {FRIENDS}) AS n"  # a number of our own
        )
    spent, busy = [], []
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        await conn.execute("ANALYZE friends.friend")
        for turn in range(3):
            rows = [{"id": n, "location": f"{turn} {n}"} for n in range(1, FRIENDS + 1)]
            started, worked = time.perf_counter(), _worked(conn.info.backend_pid)
            async with conn.transaction():
                changed = await update_rows(conn, "friends.friend", rows)
            spent.append(time.perf_counter() - started)
            busy.append(_worked(conn.info.backend_pid) - worked)
            if len(changed) != FRIENDS:
                raise RuntimeError(f"{len(changed)} changed")
    each = statistics.median(_one_by_one(engine))
    engine.dispose()
    report("tools.bulk_history", statistics.median(spent), "s", "<= 10")
    # What a machine that does nothing else would take, about.
    report("tools.bulk_history_cpu", statistics.median(busy), "s")
    report("tools.tick", each * 1000, "ms")
    report("tools.bulk_gain", each * FRIENDS / statistics.median(spent), "x", ">= 75")


def _worked(backend: int) -> float:
    """Seconds that the processor was at work for this process and a backend of Postgres."""
    # utime and stime; the command's name before them may hold blanks (proc(5)).
    fields = Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _one_by_one(engine: sqlalchemy.Engine) -> list[float]:
    """Seconds of each tick through the ORM, in a transaction of its own."""
    spent = []
    for number in range(1, ONE_BY_ONE + 1):
        started = time.perf_counter()
        with Session(engine) as session:
            friend = session.get_one(Friend, number)
            with friend.clock_tick():
                friend.location = "San Francisco"
            session.commit()
        spent.append(time.perf_counter() - started)
    return spent


if __name__ == "__main__":
    asyncio.run(run())
