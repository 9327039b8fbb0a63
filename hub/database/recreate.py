"""A database made anew: dropped with all that is in it, and migrated."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg

from hub.database.database import HUB
from hub.database.errors import (
    DatabaseError,
    HubConnectedError,
    PathError,
    RealReadingsError,
)
from hub.database.migrate import migrate
from hub.database.queries import Queries

__all__ = ["count_readings", "recreate", "refuse_unknown_zones", "refuse_unreadable_paths"]

_QUERIES = Queries.of("hub.database")

# A hub that was just stopped is still in Postgres' list for a moment.
_LOOKS, _PAUSE_S = 20, 0.1


async def count_readings(owner_url: str) -> int:
    """How many readings the database holds, of all tenants, counted a tenant at a time."""
    readings = 0
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        table = await (await conn.execute(_QUERIES["reading_table"])).fetchone()
        if table is None or table[0] is None:
            return 0
        packed = await (await conn.execute(_QUERIES["packed_table"])).fetchone()
        counts = ["count_readings"]
        if packed is not None and packed[0] is not None:  # an older version's has none
            counts.append("count_packed_readings")
        tenants = await (await conn.execute(_QUERIES["tenant_numbers"])).fetchall()
        for (tenant,) in tenants:
            await conn.execute(_QUERIES["set_tenant"], [str(tenant)])
            for query in counts:
                row = await (await conn.execute(_QUERIES[query])).fetchone()
                readings += row[0] if row else 0
    return readings


async def recreate(owner_url: str, *, times_confirmed: int) -> None:
    """Drop everything and migrate.

    Other schemas of the database stay as they are. Raises HubConnectedError while a hub has it
    open, RealReadingsError for a database with readings unless `times_confirmed` twice.
    """
    await _refuse_beside_a_hub(owner_url)
    readings = await count_readings(owner_url)
    if readings and times_confirmed < 2:
        raise RealReadingsError(readings)
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        await conn.execute(_QUERIES["drop_schema"])
    await migrate(owner_url)


async def refuse_unreadable_paths(owner_url: str, paths: Sequence[str]) -> None:
    """Raise PathError for the first that Postgres cannot read as a jsonpath."""
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as conn:
        for path in paths:
            try:
                await conn.execute(_QUERIES["read_path"], [path])
            except psycopg.DataError as error:
                reason = error.diag.message_primary or str(error)
                raise PathError(path[:40], 0, reason) from None
            except psycopg.errors.SyntaxError as error:
                raise PathError(path[:40], 0, str(error.diag.message_primary)) from None


async def refuse_unknown_zones(owner_url: str, zones: Sequence[str]) -> None:
    """Raise DatabaseError for the first time zone that Postgres does not know."""
    if not zones:
        return
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as conn:
        for (zone,) in await (await conn.execute(_QUERIES["unknown_zones"], [zones])).fetchall():
            raise DatabaseError(
                f"{zone} is a time zone of this machine's but none of the database's: "
                "bring Postgres' zone table up to date"
            )


async def _refuse_beside_a_hub(owner_url: str) -> None:
    conn = await psycopg.AsyncConnection.connect(owner_url, autocommit=True)
    async with conn:
        for look in range(_LOOKS):
            found = await (await conn.execute(_QUERIES["connected_hub"], [HUB])).fetchone()
            if found is None:
                return
            if look == _LOOKS - 1:
                raise HubConnectedError(found[0])
            await asyncio.sleep(_PAUSE_S)
