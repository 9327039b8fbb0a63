"""A pooler before the database (PgBouncer and its like): what it is told by."""

from __future__ import annotations

import psycopg

from hub.database.database import Connection
from hub.database.lease.errors import PoolerError
from hub.database.one_cluster import OneCluster
from hub.database.queries import Queries

__all__ = ["direct_connection", "is_pooled", "refuses_options"]

_QUERIES = Queries.of("hub.database.lease")


async def direct_connection(url: str, cluster: OneCluster) -> Connection:
    """A connection whose session is one of the server's, so that it can hold locks.

    Raises PoolerError, ForeignClusterError, and OperationalError while the database is away.
    """
    url = cluster.fit(url)
    try:
        conn = await psycopg.AsyncConnection.connect(url, autocommit=True)
    except psycopg.OperationalError as error:
        if refuses_options(error):
            raise PoolerError from None
        raise
    if await is_pooled(conn):
        await conn.close()
        raise PoolerError
    await cluster.admit(conn)
    return conn


async def is_pooled(conn: Connection) -> bool:
    """Whether another process of Postgres answers than the one that was connected to.

    A pooler cannot say at connection which of the server's processes will answer.
    """
    row = await (await conn.execute(_QUERIES["own_session"])).fetchone()
    return row != (conn.info.backend_pid,)


def refuses_options(error: Exception) -> bool:
    """Whether a connection failed since PgBouncer passes no options on."""
    return "unsupported startup parameter" in str(error)
