"""Update and upsert of any number of rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.adapt import PyFormat, Transformer
from psycopg.types.json import Jsonb

from hub.database import arrays
from hub.database.bulk.statements import TableShape, update_statement, upsert_statement
from hub.database.database import Connection
from hub.database.errors import BulkError
from hub.database.queries import Queries
from hub.database.questions import Question, Questions, answered, answered_at_once

__all__ = [
    "ChangedRow",
    "update_rows",
    "update_rows_at_once",
    "upsert_rows",
    "upsert_rows_at_once",
]

Row = Mapping[str, Any]

_QUERIES = Queries.of("hub.database.bulk")
_NAME = re.compile(r'"((?:[^"]|"")+)"|([^".\s]+)')


class ChangedRow(NamedTuple):
    """A row that is otherwise than before, by its key; `before` is None for one that was added."""

    key: tuple[Any, ...]
    before: dict[str, Any] | None
    after: dict[str, Any]


async def update_rows(
    conn: Connection, table: str, rows: Iterable[Row], *, key: Sequence[str] = ("id",)
) -> list[ChangedRow]:
    """Change the rows that have those keys, all or none of them; what changed, in no order.

    `table` is a name with its schema, or one that the search path finds; `rows` all have the same
    columns, those of the key among them. A key that no row has, or no row that this tenant may
    see, is passed over; a row that is so already stays as it is, and has no history of it. Raises
    BulkError, and what the database refuses.
    """
    arrays.known_to(conn)
    return await answered(_update(table, list(rows), tuple(key)), conn, kept=True)


async def upsert_rows(
    conn: Connection, table: str, rows: Iterable[Row], *, key: Sequence[str] = ("id",)
) -> list[ChangedRow]:
    """The same, but rows whose key is not there are added; the table has a unique key of those."""
    arrays.known_to(conn)
    return await answered(_upsert(table, list(rows), tuple(key)), conn, kept=True)


def update_rows_at_once(
    conn: psycopg.Connection[Any], table: str, rows: Iterable[Row], *, key: Sequence[str] = ("id",)
) -> list[ChangedRow]:
    """`update_rows` on a connection that is not asynchronous."""
    arrays.known_to(conn)
    return answered_at_once(_update(table, list(rows), tuple(key)), conn, kept=True)


def upsert_rows_at_once(
    conn: psycopg.Connection[Any], table: str, rows: Iterable[Row], *, key: Sequence[str] = ("id",)
) -> list[ChangedRow]:
    """`upsert_rows` on a connection that is not asynchronous."""
    arrays.known_to(conn)
    return answered_at_once(_upsert(table, list(rows), tuple(key)), conn, kept=True)


def _update(table: str, rows: list[Row], key: tuple[str, ...]) -> Questions[list[ChangedRow]]:
    if not rows:
        return []
    shape = yield from _shape(table, rows, key)
    if not shape.values:
        raise BulkError(table, "there is nothing to change beside the key")
    statement = update_statement(shape)
    found = yield Question(statement, _parameters(table, shape, rows))
    return [_changed(shape, row, was=True) for row in found]


def _upsert(table: str, rows: list[Row], key: tuple[str, ...]) -> Questions[list[ChangedRow]]:
    if not rows:
        return []
    shape = yield from _shape(table, rows, key, adding=True)
    statement = upsert_statement(shape)
    try:
        found = yield Question(statement, _parameters(table, shape, rows))
    except pg.InvalidColumnReference:
        raise BulkError(table, f"it has no unique key of {', '.join(key)}") from None
    return [_changed(shape, row, was=bool(row[-1])) for row in found]


def _shape(
    table: str, rows: Sequence[Row], key: tuple[str, ...], *, adding: bool = False
) -> Questions[TableShape]:
    """What the rows have, compared with what the table has."""
    there = yield Question(_QUERIES["columns"], {"table": table})
    if not there:
        raise BulkError(table, "there is no such table")
    columns = tuple(rows[0])
    if not key or not set(key) <= set(columns):
        raise BulkError(table, f"the rows have no {', '.join(set(key) - set(columns)) or 'key'}")
    types = {name: kind for name, kind, _, _ in there}
    unknown = [name for name in columns if name not in types]
    if unknown:
        raise BulkError(table, f"it has no column {unknown[0]!r}")
    made = {name for name, _, fixed, generated in there if fixed and (generated or not adding)}
    if refused := [name for name in columns if name in made and name not in key]:
        raise BulkError(table, f"column {refused[0]!r} is made by the database")
    _check_rows(table, rows, key)
    values = tuple(name for name in columns if name not in key)
    return TableShape(
        sql.SQL(".").join(map(sql.Identifier, _parts(table))), key, values,
        {name: types[name] for name in columns},
        frozenset(name for name, _, fixed, generated in there if fixed and not generated),
    )  # fmt: skip


def _check_rows(table: str, rows: Sequence[Row], key: tuple[str, ...]) -> None:
    first = rows[0].keys()
    for number, row in enumerate(rows, 1):
        if row.keys() != first:
            other = sorted(row.keys() ^ first)
            raise BulkError(table, f"row {number} differs from the first in {', '.join(other)}")
    keys = list(zip(*([row[name] for row in rows] for name in key), strict=True))
    for number, one in enumerate(keys, 1):
        if None in one:
            raise BulkError(table, f"row {number} has no value of its key")
    try:
        if len(set(keys)) == len(keys):
            return
    except TypeError:
        raise BulkError(table, "a row has a key of a kind that cannot be one") from None
    seen: dict[tuple[Any, ...], int] = {}
    for number, one in enumerate(keys, 1):
        before = seen.setdefault(one, number)
        if before != number:
            raise BulkError(table, f"rows {before} and {number} have the same key")


def _parts(table: str) -> list[str]:
    """The name as it is looked up: `schema.table`, with quotes where it needs them."""
    parts: list[str] = []
    for quoted, plain in _NAME.findall(table):
        parts.append(quoted.replace('""', '"') if quoted else plain.lower())
    return parts


def _parameters(table: str, shape: TableShape, rows: Sequence[Row]) -> dict[str, Any]:
    """Each column as an array of texts, cast to its type by the statement."""
    transformer = Transformer()

    def text(value: Any, json: bool) -> str | None:
        # What most values are, first: a driver's call for each of 100,000 takes its time.
        if value is None or (type(value) is str and not json):
            return value
        if type(value) is int and not json:
            return str(value)
        adapted = Jsonb(value) if json and not isinstance(value, Jsonb) else value
        dumped = transformer.get_dumper(adapted, PyFormat.TEXT).dump(adapted)
        return None if dumped is None else bytes(dumped).decode()

    found = {}
    for number, (name, kind) in enumerate(shape.types.items()):
        json = kind in {"json", "jsonb"}
        try:
            found[f"c{number}"] = arrays.texts([text(row[name], json) for row in rows])
        except (psycopg.Error, TypeError, ValueError) as error:
            raise BulkError(table, f"column {name}: {error}") from None
    return found


def _changed(shape: TableShape, row: Sequence[Any], *, was: bool) -> ChangedRow:
    keys, names = len(shape.key), shape.values
    new = keys + len(names)
    # `row` may have more than what is given here: zip ends with the names.
    before = dict(zip(names, row[keys:new], strict=False)) if was else None
    return ChangedRow(tuple(row[:keys]), before, dict(zip(names, row[new:], strict=False)))
