"""What a query that somebody wrote answers, a piece at a time, read only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import psycopg
from psycopg import sql

from hub.database.database import TenantDatabase
from hub.database.errors import QueryError, RefusedValueError
from hub.database.queries import Queries

__all__ = ["Columns", "pieces"]

_QUERIES = Queries.of("hub.readings")

_PIECE = 10_000  # rows in memory at a time

Columns = list[tuple[str, str]]
"""Name and type of each column, as Postgres calls the type; "" for one without a name."""


async def pieces(
    database: TenantDatabase, query: str
) -> AsyncIterator[tuple[Columns, list[tuple[Any, ...]]]]:
    """The columns with some rows, once at least. Raises QueryError for a query that fails."""
    try:
        async with database.transaction() as conn:
            await conn.execute(_QUERIES["read_only"])
            async with conn.cursor(name="export") as cursor:
                cursor.itersize = _PIECE
                # As they wrote it; a cursor takes one statement and no more.
                await cursor.execute(sql.SQL(query))
                types = psycopg.adapters.types
                columns = [
                    (column.name, known.name if (known := types.get(column.type_code)) else "")
                    for column in cursor.description or []
                ]
                first = True
                while (piece := await cursor.fetchmany(_PIECE)) or first:
                    yield columns, piece
                    first = False
    except (psycopg.Error, RefusedValueError) as error:
        raise QueryError(str(error).splitlines()[0]) from None
