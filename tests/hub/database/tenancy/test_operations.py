"""Alembic finds what is missing, writes it into a migration, and goes there and back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, Text

from hub.database.postgres import OWNER
from hub.database.tenancy import operations
from hub.database.tenancy.models import SharedTable, TenantModel, TenantRules, declaration
from hub.database.upgrade import engine_url
from tests.hub.database.tenancy import school


@pytest.fixture
async def empty(server):
    found = server.database("campus_alembic")
    await server._execute("CREATE DATABASE {} OWNER {}", found.name, OWNER)
    yield found
    await server.drop(found.name)


@contextmanager
def context(url: str, metadata: MetaData, of: object) -> Iterator[MigrationContext]:
    engine = sqlalchemy.create_engine(engine_url(url), poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        yield MigrationContext.configure(
            connection,
            opts={"target_metadata": metadata, "include_schemas": True,
                  "tenancy": declaration(of)},
        )  # fmt: skip
    engine.dispose()


def migration(url: str, metadata: MetaData, of: object) -> dict[str, object]:
    """The functions of the migration that Alembic writes: its text, run as Python."""
    with context(url, metadata, of) as found:
        made = produce_migrations(found, metadata)
        imports = {"import sqlalchemy as sa", operations.IMPORT}
        scope: dict[str, object] = {}
        parts = [
            f"def {name}():\n"
            + "\n".join(f"    {line}" for line in render_python_code(ops).splitlines())
            for name, ops in (("upgrade", made.upgrade_ops), ("downgrade", made.downgrade_ops))
        ]
    scope["text"] = "\n".join([*sorted(imports), *parts])
    exec(str(scope["text"]), scope)
    return scope


def run(url: str, metadata: MetaData, of: object, migration: dict[str, object], way: str) -> None:
    with context(url, metadata, of) as found, Operations.context(found) as op:
        migration["op"] = op
        migration[way]()


def left(url: str, metadata: MetaData, of: object) -> list[object]:
    with context(url, metadata, of) as found:
        return produce_migrations(found, metadata).upgrade_ops.ops


async def test_a_database_is_made_from_models_and_unmade(empty):
    def there_and_back() -> None:
        url, metadata = empty.owner_url, school.Base.metadata
        engine = sqlalchemy.create_engine(engine_url(url), poolclass=sqlalchemy.NullPool)
        with engine.begin() as connection:
            connection.execute(sqlalchemy.schema.CreateSchema("campus"))
        step = migration(url, metadata, school.Base)
        assert "op.protect_table(" in step["text"]
        run(url, metadata, school.Base, step, "upgrade")
        assert left(url, metadata, school.Base) == []
        run(url, metadata, school.Base, step, "downgrade")
        with engine.begin() as connection:
            counts = sqlalchemy.text(
                "SELECT count(*) FROM pg_class WHERE relnamespace = 'campus'::regnamespace "
                "UNION ALL SELECT count(*) FROM pg_proc "
                "WHERE pronamespace = 'campus'::regnamespace"
            )
            assert connection.scalars(counts).all() == [0, 0]
        run(url, metadata, school.Base, step, "upgrade")
        engine.dispose()

    await asyncio.to_thread(there_and_back)


def tables(kind: str) -> MetaData:
    metadata = MetaData(naming_convention={"fk": "%(table_name)s_%(column_0_name)s_fkey"})
    Table("firm", metadata, Column("id", Integer, primary_key=True),
          info={"tenancy": TenantModel("app.firm")})  # fmt: skip
    Table("site", metadata, Column("id", Integer, primary_key=True),
          Column("firm_id", ForeignKey("firm.id"), nullable=False))  # fmt: skip
    site = Column("site_id", ForeignKey("site.id"), nullable=False)
    firm = Column("firm_id", ForeignKey("firm.id"), nullable=False)
    key, name = Column("id", Integer, primary_key=True), Column("name", Text)
    filled = Column("firm_id", Integer, nullable=False)
    rules, columns = {
        "by site": (None, [key, site]),
        "by firm": (None, [key, firm]),
        "own clause": (TenantRules(clauses={"SELECT": "name = 'a' OR {tenant}"}), [key, site]),
        "filled": (TenantRules(fill=("firm_id",)), [key, site, filled]),
        "shared": (SharedTable("for all"), [key]),
        "gone": (None, []),
    }[kind]
    if columns:
        Table("desk", metadata, *columns, name, info={"tenancy": rules} if rules else {})
    return metadata


KINDS = ["by site", "by firm", "own clause", "filled", "shared", "gone"]


async def test_every_change_of_models_goes_there_and_back(empty):
    def there_and_back() -> None:
        url, before = empty.owner_url, tables("gone")
        run(url, before, before, migration(url, before, before), "upgrade")
        # Each kind after another, and a way back from it.
        for kind in [*KINDS, "own clause", "by firm", "filled", "gone"]:
            after = tables(kind)
            step = migration(url, after, after)
            run(url, after, after, step, "upgrade")
            assert left(url, after, after) == [], kind
            run(url, after, after, step, "downgrade")
            assert left(url, before, before) == [], (kind, step["text"])
            run(url, after, after, step, "upgrade")
            before = after

    await asyncio.to_thread(there_and_back)


async def test_a_table_of_nobody_is_left_alone(empty):
    """Policies of other names, on tables that no model knows, are no business of ours."""

    def compared() -> None:
        url, metadata = empty.owner_url, tables("gone")
        run(url, metadata, metadata, migration(url, metadata, metadata), "upgrade")
        engine = sqlalchemy.create_engine(engine_url(url), poolclass=sqlalchemy.NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE POLICY other ON firm USING (true)")
        engine.dispose()
        assert left(url, metadata, metadata) == []

    await asyncio.to_thread(compared)
