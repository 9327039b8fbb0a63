"""Devices by what their documents say: reports and attributes, searched with SQL/JSON path."""

from __future__ import annotations

from psycopg import errors as pg

from hub.database.database import Connection, TenantDatabase
from hub.database.errors import PathError, PathTooSlowError
from hub.database.queries import Queries

__all__ = ["devices_where", "refuse_unreadable_path"]

_QUERIES = Queries.of("hub.devices")

_LONGEST = 1000  # characters: a person's question, not a program
_TIME_LIMIT_MS = 2000  # ms: a home answers in one; a path can be made to run for minutes


async def devices_where(
    database: TenantDatabase, path: str, *, time_limit_ms: int = _TIME_LIMIT_MS
) -> list[str]:
    """The devices whose document (its last report, with its attributes over it) matches, by name.

    Arrays match when any element does; a path that leads nowhere does not match. Raises PathError
    with the position of what cannot be read, PathTooSlowError past the time limit.
    """
    _refuse_too_long(path)
    async with database.transaction() as conn:
        # Before it is read: an expression of like_regex can take longer to read than to answer.
        await conn.execute(_QUERIES["set_time_limit"], [str(time_limit_ms)])
        try:
            await _refuse_unreadable(conn, path)
            form = await (await conn.execute(_QUERIES["path_form"], [path])).fetchone()
            predicate = form is not None and form[0] is not None
            rows = await conn.execute(_QUERIES["devices_where"], [path, predicate])
            return [row[0] for row in await rows.fetchall()]
        except pg.QueryCanceled:
            raise PathTooSlowError(path, time_limit_ms) from None


async def refuse_unreadable_path(database: TenantDatabase, path: str) -> None:
    """Raise PathError, with its position, for what devices_where could not read."""
    _refuse_too_long(path)
    async with database.transaction() as conn:
        await conn.execute(_QUERIES["set_time_limit"], [str(_TIME_LIMIT_MS)])
        try:
            await _refuse_unreadable(conn, path)
        except pg.QueryCanceled:
            raise PathTooSlowError(path, _TIME_LIMIT_MS) from None


def _refuse_too_long(path: str) -> None:
    if len(path) > _LONGEST or "\0" in path:
        raise PathError(path[:40], min(len(path), _LONGEST), f"longer than {_LONGEST} characters")


async def _refuse_unreadable(conn: Connection, path: str) -> None:
    row = await (await conn.execute(_QUERIES["path_error"], [path])).fetchone()
    if row is not None and row[0] is not None:
        raise PathError(path, row[1], row[0])
