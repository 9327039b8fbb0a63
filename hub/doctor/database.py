"""The database: whether one tenant's rows are safe from another, and from nobody in particular."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg

from hub.database.database import Store
from hub.doctor.finding import Finding

__all__ = ["examine"]

_ROLE = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
_UNFORCED = """
SELECT c.relname FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
WHERE c.relnamespace = 'dormouse'::regnamespace AND c.relkind IN ('r', 'p')
  AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
  AND has_table_privilege(c.oid, 'SELECT')"""
_SEEN = {
    "device": "SELECT count(*) FROM dormouse.device",
    "reading": "SELECT count(*) FROM (SELECT FROM dormouse.reading LIMIT 1) AS found",
    "account": "SELECT count(*) FROM dormouse.account",
}
_FOREIGN = "SELECT count(*) FROM dormouse.device WHERE tenant_id <> dormouse.current_tenant()"
# A table whose triggers write to no other, which would refuse in its stead.
_WRITE = "INSERT INTO dormouse.homekit VALUES (%s, 'doctor', 'doctor', 'null')"


async def examine(store: Store) -> AsyncIterator[Finding]:
    """Try what must not work."""
    async with store.nobody() as conn:
        row = await (await conn.execute(_ROLE)).fetchone()
        yield Finding.of(
            "be a database role that row-level security does not bind",
            row == (False,),
            "the hub's role is a superuser or has BYPASSRLS: give it one of its own",
        )
        names = [row[0] for row in await (await conn.execute(_UNFORCED)).fetchall()]
        yield Finding.of(
            "find a tenant's table without forced row-level security", not names, str(names)
        )
        seen = [
            table
            for table, query in _SEEN.items()
            if await (await conn.execute(query)).fetchone() != (0,)
        ]
        yield Finding.of("read rows without being a tenant", not seen, f"it reads {seen}")
    tenants = await store.tenants()
    read, wrote = [], []
    for name in tenants:
        async with store.tenant(name) as conn:
            if await (await conn.execute(_FOREIGN)).fetchone() != (0,):
                read.append(name)
        if await _can_write(store, name, [other for other in tenants if other != name]):
            wrote.append(name)
    yield Finding.of("read another tenant's rows", not read, f"{read} can")
    yield Finding.of("write another tenant's rows", not wrote, f"{wrote} can")


async def _can_write(store: Store, name: str, others: list[str]) -> bool:
    for other in others or [name]:
        number = await store.tenant_id(other) if others else 0  # no tenant has the number 0
        try:
            async with store.tenant(name) as conn:
                await conn.execute(_WRITE, [number])
                await conn.rollback()
        except psycopg.Error:
            continue
        return True
    return False
