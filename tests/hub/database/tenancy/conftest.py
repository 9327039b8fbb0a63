"""Databases with the models of this folder, empty and behind their tenants."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg
import pytest
import sqlalchemy
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy.orm import DeclarativeBase

from hub.database.postgres import OWNER
from hub.database.tenancy.declaration import Declaration
from hub.database.tenancy.models import declaration
from hub.database.tenancy.protection import protect, protection
from hub.database.upgrade import engine_url

APP = "dormouse_hub"


@dataclass(frozen=True)
class Campus:
    """A database: as its owner, and as the application of a tenant."""

    owner_url: str
    app_url: str
    declared: Declaration

    @asynccontextmanager
    async def of(self, *key: object, kept: bool = True) -> AsyncIterator[psycopg.AsyncConnection]:
        async with (
            await psycopg.AsyncConnection.connect(self.app_url) as conn,
            conn.transaction(force_rollback=not kept),
        ):
            for name, value in zip(self.declared.setting.names, key, strict=False):
                await conn.execute("SELECT set_config(%s, %s, true)", [name, str(value)])
            yield conn

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[psycopg.AsyncConnection]:
        async with await psycopg.AsyncConnection.connect(self.owner_url) as conn:
            yield conn


@pytest.fixture
async def made(server):
    """Makes a database with the tables of a base, protected as they declare."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(base: type[DeclarativeBase], *, protected: bool = True) -> Campus:
            found = server.database(f"campus_{base.__name__.lower()}")
            await server._execute("CREATE DATABASE {} OWNER {}", found.name, OWNER)
            stack.push_async_callback(server.drop, found.name)
            engine = sqlalchemy.create_engine(engine_url(found.owner_url))
            declared = declaration(base, roles=[APP])
            with engine.begin() as connection:
                for schema in set(declared.schemas) - {"public"}:
                    connection.execute(sqlalchemy.schema.CreateSchema(schema))
                base.metadata.create_all(connection)
            engine.dispose()
            campus = Campus(found.owner_url, make_conninfo(found.app_url), declared)
            async with campus.owner() as conn:
                for one in declared.tables if protected else ():
                    for statement in protect(protection(one, declared.setting)):
                        await conn.execute(statement)
                await grant(conn, declared.schemas)
            return campus

        yield make


async def grant(conn: psycopg.AsyncConnection, schemas: Sequence[str]) -> None:
    for schema in schemas:
        for statement in (
            "GRANT USAGE ON SCHEMA {} TO {}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {} TO {}",
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA {} TO {}",
        ):
            names = sql.Identifier(schema), sql.Identifier(APP)
            await conn.execute(sql.SQL(statement).format(*names))
