"""What the database lets through that it should not: tried, not assumed."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from hub.database.database import Connection, Database
from hub.database.errors import UnsafeRoleError
from hub.database.queries import Queries
from hub.database.roles import refuse_unsafe
from hub.database.tenancy.declare import TABLES
from hub.database.tenancy.drift import drift

__all__ = ["IsolationFinding", "examine"]

_QUERIES = Queries.of("hub.doctor")


@dataclass(frozen=True, slots=True)
class IsolationFinding:
    """One thing that was tried: what, whether it is as it should be, and what was seen."""

    what: str
    good: bool
    seen: str


async def examine(database: Database, secrets: Path | None = None) -> list[IsolationFinding]:
    """Try the database's forbidden things; `secrets` is the folder of its passwords."""
    findings = [await _role(database)]
    async with database.nobody() as conn:
        drifted = await drift(conn)
    findings += [
        IsolationFinding("row-level security as declared", False, str(one)) for one in drifted
    ]
    if not drifted:
        findings.append(
            IsolationFinding(
                "row-level security as declared", True, f"{len(TABLES)} tables compared"
            )
        )
    findings += [await _without_tenant(database), await _across(database)]
    if secrets is not None:
        findings.append(_readable(secrets))
    return findings


async def _role(database: Database) -> IsolationFinding:
    what = "database role bound by row-level security"
    async with database.nobody() as conn:
        try:
            await refuse_unsafe(conn)
        except UnsafeRoleError as error:
            return IsolationFinding(what, False, str(error))
    return IsolationFinding(what, True, "neither superuser nor BYPASSRLS")


async def _without_tenant(database: Database) -> IsolationFinding:
    async with database.nobody() as conn:
        leaks = [table for table in TABLES if await _count(conn, _rows(table))]
    seen = f"rows of {', '.join(leaks)}" if leaks else "no rows"
    return IsolationFinding("a transaction without a tenant sees nothing", not leaks, seen)


async def _across(database: Database) -> IsolationFinding:
    what = "a tenant sees no other's rows"
    leaks = []
    tenants = await database.tenants()
    for tenant in tenants:
        number = await database.tenant_id(tenant)
        async with database.of(tenant).transaction() as conn:
            leaks += [
                f"{tenant} sees others in {table}"
                for table in TABLES
                if await _count(conn, _others(table, number))
            ]
    return IsolationFinding(what, not leaks, "; ".join(leaks) or f"{len(tenants)} tenants tried")


async def _count(conn: Connection, query: sql.Composed) -> int:
    row = await (await conn.execute(query)).fetchone()
    return row[0] if row else 0


def _rows(table: str) -> sql.Composed:
    return _QUERIES["count_a_row"].format(table=sql.Identifier(table))


def _others(table: str, own: int) -> sql.Composed:
    return _QUERIES["count_a_foreign_row"].format(
        table=sql.Identifier(table),
        column=sql.Identifier("id" if table == "tenant" else "tenant_id"),
        own=sql.Literal(own),
    )


def _readable(secrets: Path) -> IsolationFinding:
    loose = [p.name for p in secrets.iterdir() if stat.S_IMODE(p.stat().st_mode) & 0o077]
    seen = f"others may read {', '.join(loose)}" if loose else f"{secrets}: mode 0600"
    return IsolationFinding("database passwords are private", not loose, seen)
