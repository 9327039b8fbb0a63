"""Vacuum of the schema's own tables, where the server's own has not come to it yet."""

from __future__ import annotations

import psycopg
from psycopg import sql

from hub.database.errors import DatabaseAwayError
from hub.database.queries import Queries

__all__ = ["vacuum"]

_QUERIES = Queries.of("hub.database")


async def vacuum(owner_url: str) -> list[str]:
    """Vacuum and analyze tables of which a tenth is dead rows; their names.

    A partitioned table as a whole, whose statistics nobody else makes, is analyzed when one of its
    parts was since. Tables that are locked are left to the next time. Raises DatabaseAwayError.
    """
    done = []
    try:
        async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as conn:
            rows = await (await conn.execute(_QUERIES["tables_to_vacuum"])).fetchall()
            for name, partitioned in rows:
                verb = "ANALYZE (SKIP_LOCKED)" if partitioned else "VACUUM (ANALYZE, SKIP_LOCKED)"
                table = sql.Identifier("dormouse", name)
                await conn.execute(sql.SQL("{} {}").format(sql.SQL(verb), table))
                done.append(str(name))
    except psycopg.OperationalError as error:
        raise DatabaseAwayError((str(error) or type(error).__name__).splitlines()[0]) from None
    return done
