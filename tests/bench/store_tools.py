"""Tools for any table, measured: a tenant three keys away, against one in the row itself."""

from __future__ import annotations

import statistics
import time

import psycopg
from sqlalchemy import ForeignKey, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.schema import CreateIndex, CreateTable

from hub.database.postgres import APP
from hub.database.tenancy.models import TenantModel, TenantRules, declaration
from hub.database.tenancy.protection import protect, protection
from tests.bench.report import note, report
from tests.bench.store_load import Loaded

__all__ = ["chains"]

SCHOOLS, LESSONS, ROUNDS = 1000, 500, 30


class ChainBase(DeclarativeBase):
    metadata = MetaData(schema="chain")


class ChainSchool(ChainBase):
    __tablename__ = "school"
    __tenancy__ = TenantModel("chain.school")
    id: Mapped[int] = mapped_column(primary_key=True)


class ChainYear(ChainBase):
    __tablename__ = "year"
    id: Mapped[int] = mapped_column(primary_key=True)
    school_id: Mapped[int] = mapped_column(ForeignKey("chain.school.id"))


class ChainClass(ChainBase):
    __tablename__ = "class"
    id: Mapped[int] = mapped_column(primary_key=True)
    year_id: Mapped[int] = mapped_column(ForeignKey("chain.year.id"))


class Cascaded(ChainBase):
    __tablename__ = "cascaded"
    id: Mapped[int] = mapped_column(primary_key=True)
    class_id: Mapped[int] = mapped_column(ForeignKey("chain.class.id"), index=True)


class Filled(ChainBase):
    __tablename__ = "filled"
    __tenancy__ = TenantRules(fill=("school_id",))
    id: Mapped[int] = mapped_column(primary_key=True)
    class_id: Mapped[int] = mapped_column(ForeignKey("chain.class.id"))
    school_id: Mapped[int | None] = mapped_column(index=True)


class Owned(ChainBase):
    __tablename__ = "owned"
    id: Mapped[int] = mapped_column(primary_key=True)
    class_id: Mapped[int]
    school_id: Mapped[int] = mapped_column(ForeignKey("chain.school.id"), index=True)


_ROWS = f"""
INSERT INTO chain.school SELECT generate_series(1, {SCHOOLS});
INSERT INTO chain.year SELECT n, n FROM generate_series(1, {SCHOOLS}) AS n;
INSERT INTO chain.class SELECT n, n FROM generate_series(1, {SCHOOLS}) AS n;
INSERT INTO chain.cascaded SELECT n, (n - 1) / {LESSONS} + 1
FROM generate_series(1, {SCHOOLS * LESSONS}) AS n;
INSERT INTO chain.filled SELECT n, (n - 1) / {LESSONS} + 1
FROM generate_series(1, {SCHOOLS * LESSONS}) AS n;
INSERT INTO chain.owned SELECT n, (n - 1) / {LESSONS} + 1, (n - 1) / {LESSONS} + 1
FROM generate_series(1, {SCHOOLS * LESSONS}) AS n;
"""  # numbers of our own


async def chains(found: Loaded) -> None:
    """Reading a tenant's 500 rows of 500,000 by a chain of three keys, and by a filled column."""
    async with await found.admin() as admin:
        await _make(admin)
        direct = await _read(admin, "owned")
        for table, target in (("cascaded", None), ("filled", "<= 3")):
            report(f"store.chain_{table}_ratio", await _read(admin, table) / direct, "x", target)
        report("store.chain_direct", direct * 1000, "ms")
        await admin.execute("DROP SCHEMA chain CASCADE")


async def _make(admin: psycopg.AsyncConnection) -> None:
    note(f"{SCHOOLS * LESSONS} rows, three keys away from their tenant")
    await admin.execute("CREATE SCHEMA chain")
    for table in ChainBase.metadata.sorted_tables:
        await admin.execute(str(CreateTable(table)))
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            await admin.execute(str(CreateIndex(index)))
    await admin.execute(_ROWS)
    declared = declaration(ChainBase)
    for one in declared.tables:
        for statement in protect(protection(one, declared.setting)):
            await admin.execute(statement)
    await admin.execute(f"GRANT USAGE ON SCHEMA chain TO {APP}")
    await admin.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA chain TO {APP}")
    await admin.execute("VACUUM ANALYZE")


async def _read(admin: psycopg.AsyncConnection, table: str) -> float:
    """Seconds, the median."""
    taken = []
    for n in range(ROUNDS):
        async with admin.transaction():
            await admin.execute(f"SET LOCAL SESSION AUTHORIZATION {APP}")
            await admin.execute("SELECT set_config('chain.school', %s, true)", [str(n * 7 + 1)])
            started = time.perf_counter()
            cursor = await admin.execute(f"SELECT count(class_id) FROM chain.{table}")
            row = await cursor.fetchone()
            taken.append(time.perf_counter() - started)
            if row != (LESSONS,):
                raise RuntimeError(f"{table}: {row} rows")
            await admin.execute("SET LOCAL SESSION AUTHORIZATION DEFAULT")
    return statistics.median(taken)
