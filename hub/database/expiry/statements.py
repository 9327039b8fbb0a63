"""What makes a table's rows expire: functions, once a database, and a statement a table."""

from __future__ import annotations

import re
from datetime import timedelta
from importlib.resources import files
from typing import Any

import sqlalchemy
from psycopg import sql

from hub.database.errors import ExpiryError

__all__ = ["keep_for_functions", "keep_for_statement"]

_FILE = "0024_keep_for.sql"
_OURS = "dormouse"
# It stands in names within texts as well, so it is one that needs no quotes.
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def keep_for_functions(schema: str) -> str:
    """The functions as one script, for a schema of one's own; the hub has them in `dormouse`.

    They run as their owner, who must own the tables. Raises ExpiryError.
    """
    if not _SCHEMA.fullmatch(schema):
        raise ExpiryError(schema, "a schema's name of small letters, digits and _ is needed")
    script = files("hub.database.schema").joinpath(_FILE).read_text("utf-8")
    return script.replace(f"{_OURS}.", f"{schema}.")


def keep_for_statement(
    table: Any, keep: timedelta | str, *, column: str | None = None, functions: str = _OURS
) -> str:
    """Makes rows of a table (or model, or the name of one) go when they are older than `keep`.

    By `column`, which is set where a statement says nothing; left out it is `updated_at`, which
    each UPDATE sets too, else `created_at`. The statement is refused where the table or the
    interval cannot be, and answers with the index that is missing. `functions` is their schema.
    """
    found = table if isinstance(table, str | sqlalchemy.Table) else sqlalchemy.inspect(table)
    found = getattr(found, "local_table", found)
    if isinstance(found, sqlalchemy.Table):
        parts = (found.schema, found.name) if found.schema else (found.name,)
        found = sql.Identifier(*parts).as_string()
    if isinstance(keep, timedelta):
        keep = f"{keep.total_seconds()} seconds"
    return (
        sql.SQL("SELECT {}({}, {}, {})")
        .format(
            sql.Identifier(functions, "keep_rows_for"),
            sql.Literal(found),
            sql.Literal(keep),
            sql.Literal(column),
        )
        .as_string()
    )
