"""Devices by what their documents say: reports and attributes, searched with SQL/JSON path."""

from __future__ import annotations

from psycopg import errors as pg

from hub.database.database import Connection, Store
from hub.database.errors import PathError, PathTooSlowError

__all__ = ["devices_where"]

_LONGEST = 1000  # characters: a person's question, not a program
_TIME_LIMIT_MS = 2000  # ms: a home answers in one; a path can be made to run for minutes

# A path that is a predicate ($.battery_mv < 2700) answers true or false for any document, one that
# selects ($.sensors[*] ? (@.mv < 2700)) answers with what it finds. Both forms use the index.
_FORM = "SELECT jsonb_typeof(jsonb_path_query_first('{}', %s::jsonpath, '{}', true))"
_MATCHES = """
SELECT d.key FROM dormouse.devices_where(%s::jsonpath, %s) AS m(id)
JOIN dormouse.device d USING (id) ORDER BY d.key"""


async def devices_where(
    store: Store, tenant: str, path: str, *, time_limit_ms: int = _TIME_LIMIT_MS
) -> list[str]:
    """The devices whose document (its last report, with its attributes over it) matches, by name.

    Arrays match when any element does; a path that leads nowhere does not match. Raises PathError
    with the position of what cannot be read, PathTooSlowError past the time limit.
    """
    if len(path) > _LONGEST or "\0" in path:
        raise PathError(path[:40], min(len(path), _LONGEST), f"longer than {_LONGEST} characters")
    async with store.tenant(tenant) as conn:
        await _refuse_unreadable(conn, path)
        await conn.execute("SELECT set_config('statement_timeout', %s, true)", [str(time_limit_ms)])
        try:
            form = await (await conn.execute(_FORM, [path])).fetchone()
            predicate = form is not None and form[0] is not None
            found = await conn.execute(_MATCHES, [path, predicate])
            return [row[0] for row in await found.fetchall()]
        except pg.QueryCanceled:
            raise PathTooSlowError(path, time_limit_ms) from None


async def _refuse_unreadable(conn: Connection, path: str) -> None:
    row = await (
        await conn.execute("SELECT message, place FROM dormouse.jsonpath_error(%s)", [path])
    ).fetchone()
    if row is not None and row[0] is not None:
        raise PathError(path, row[1], row[0])
