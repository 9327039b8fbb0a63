"""What a query that somebody wrote answers, a piece at a time, read only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from hub.database.database import TenantDatabase
from hub.database.errors import QueryError, RefusedValueError
from hub.database.queries import Queries

__all__ = ["AnswerColumn", "pieces"]

_QUERIES = Queries.of("hub.readings")

_PIECE = 10_000  # rows in memory at a time


@dataclass(frozen=True, slots=True)
class AnswerColumn:
    """A column of an answer; `kind` as Postgres calls its type, or that of an array's elements.

    "" for a type without a name that is known here.
    """

    name: str
    kind: str
    array: bool = False


async def pieces(
    database: TenantDatabase, query: str
) -> AsyncIterator[tuple[list[AnswerColumn], list[tuple[Any, ...]]]]:
    """The columns with some rows, once at least. Raises QueryError for a query that fails."""
    try:
        async with database.transaction() as conn:
            await conn.execute(_QUERIES["read_only"])
            try:
                async with conn.cursor(name="export") as cursor:
                    cursor.itersize = _PIECE
                    # As they wrote it; a cursor takes one statement and no more.
                    await cursor.execute(sql.SQL(query))
                    columns = [_column(column) for column in cursor.description or []]
                    first = True
                    while (piece := await cursor.fetchmany(_PIECE)) or first:
                        yield columns, piece
                        first = False
            except psycopg.errors.ReadOnlySqlTransaction as error:
                # By this transaction's choice: no server became a standby.
                raise QueryError(str(error).splitlines()[0]) from None
    except (psycopg.Error, RefusedValueError) as error:
        raise QueryError(str(error).splitlines()[0]) from None


def _column(column: psycopg.Column) -> AnswerColumn:
    known = psycopg.adapters.types.get(column.type_code)
    if known is None:
        return AnswerColumn(column.name, "")
    return AnswerColumn(column.name, known.name, array=column.type_code == known.array_oid)
