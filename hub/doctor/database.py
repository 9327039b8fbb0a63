"""The database: whether one tenant's rows are safe from another, and from nobody in particular."""

from __future__ import annotations

from collections.abc import AsyncIterator

from hub.database.database import Database
from hub.database.errors import DatabaseAwayError, DatabaseError
from hub.database.queries import Queries
from hub.database.refusals import typed
from hub.database.tenancy.drift import drift
from hub.doctor.finding import DoctorFinding

__all__ = ["examine"]

_QUERIES = Queries.of("hub.doctor")

_SEEN = {
    "device": _QUERIES["count_devices"],
    "reading": _QUERIES["count_some_readings"],
    "account": _QUERIES["count_accounts"],
}


async def examine(database: Database) -> AsyncIterator[DoctorFinding]:
    """Try what must not work."""
    async with database.nobody() as conn:
        row = await (await conn.execute(_QUERIES["sees_past_security"])).fetchone()
        yield DoctorFinding.of(
            "the hub's database role is bound by row-level security",
            row == (False,),
            "the hub's role is a superuser or has BYPASSRLS: give it one of its own",
        )
        differences = await drift(conn)
        for one in differences:
            yield DoctorFinding.of("what keeps tenants apart is as declared", False, str(one))
        if not differences:
            yield DoctorFinding.of("what keeps tenants apart is as declared", True, "")
        seen = [
            table
            for table, query in _SEEN.items()
            if await (await conn.execute(query)).fetchone() != (0,)
        ]
        yield DoctorFinding.of("without a tenant no rows are seen", not seen, f"it reads {seen}")
    tenants = await database.tenants()
    read, wrote = [], []
    for name in tenants:
        async with database.of(name).transaction() as conn:
            if await (await conn.execute(_QUERIES["count_foreign_devices"])).fetchone() != (0,):
                read.append(name)
        if await _can_write(database, name, [other for other in tenants if other != name]):
            wrote.append(name)
    yield DoctorFinding.of("a tenant cannot read another's rows", not read, f"{read} can")
    yield DoctorFinding.of("a tenant cannot write another's rows", not wrote, f"{wrote} can")


async def _can_write(database: Database, name: str, others: list[str]) -> bool:
    for other in others or [name]:
        number = await database.tenant_id(other) if others else 0  # no tenant has the number 0
        try:
            with typed():
                async with database.of(name).transaction() as conn:
                    await conn.execute(_QUERIES["write_for_tenant"], [number])
                    await conn.rollback()
        except DatabaseAwayError:
            raise
        except DatabaseError:
            continue
        return True
    return False
