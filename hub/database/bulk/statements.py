"""The two statements, put together from the names of a table's columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from hub.database.queries import Queries

__all__ = ["TableShape", "update_statement", "upsert_statement"]

_QUERIES = Queries.of("hub.database.bulk")


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table, the key and the other columns that are written, all of them with their types.

    `always` are identity columns that take a value only when told to override it.
    """

    table: sql.Composable
    key: tuple[str, ...]
    values: tuple[str, ...]
    types: Mapping[str, str]
    always: frozenset[str] = frozenset()


def update_statement(shape: TableShape) -> sql.Composed:
    """Parameters c0, c1, ...: the columns in the order of `types`, arrays of text.

    Answers with the key, what the other columns were, and what they are.
    """
    return _QUERIES["update"].format(
        **_common(shape),
        old_values=_compared("old", shape),
        given_values=_compared("given", shape),
        given_columns=_more(_renamed("given", shape.values, "given")),
        assignments=_commas(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier("was", f"given_{n}"))
            for n, name in enumerate(shape.values)
        ),
        was_key=_all(
            sql.SQL("{} = {}").format(
                sql.Identifier("new", name), sql.Identifier("was", f"key_{n}")
            )
            for n, name in enumerate(shape.key)
        ),
        new_columns=_more(_renamed("new", shape.values, "new")),
    )


def upsert_statement(shape: TableShape) -> sql.Composed:
    """The same, and whether the row was there."""
    names = tuple(shape.types)
    overriding = "OVERRIDING SYSTEM VALUE" if shape.always & set(names) else ""
    return _QUERIES["upsert"].format(
        **_common(shape),
        targets=_commas(map(sql.Identifier, names)),
        overriding=sql.SQL(overriding),
        given_all=_commas(sql.Identifier("given", name) for name in names),
        given_keys=_commas(sql.Identifier("given", name) for name in shape.key),
        conflict=_commas(map(sql.Identifier, shape.key)),
        action=_action(shape),
        new_columns=_more(_renamed("new", shape.values, "new")),
        done_keys=_commas(sql.Identifier("done", f"key_{n}") for n in range(len(shape.key))),
        done_columns=_more([sql.Identifier("done", f"new_{n}") for n in range(len(shape.values))]),
        done_key=_all(
            sql.SQL("{} = {}").format(
                sql.Identifier("done", f"key_{n}"), sql.Identifier("was", f"key_{n}")
            )
            for n in range(len(shape.key))
        ),
    )


def _action(shape: TableShape) -> sql.Composable:
    if not shape.values:
        return sql.SQL("NOTHING")
    return sql.SQL("UPDATE SET {} WHERE ({}) IS DISTINCT FROM ({})").format(
        _commas(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier("excluded", name))
            for name in shape.values
        ),
        _compared("new", shape),
        _compared("excluded", shape),
    )


def _common(shape: TableShape) -> dict[str, sql.Composable]:
    names = tuple(shape.types)
    return {
        "table": shape.table,
        "casts": _commas(
            sql.SQL("{}::{} AS {}").format(
                sql.Identifier("raw", name), sql.SQL(kind), sql.Identifier(name)
            )
            for name, kind in shape.types.items()
        ),
        "arrays": _commas(
            sql.SQL("{}::text[]").format(sql.Placeholder(f"c{n}")) for n in range(len(names))
        ),
        "names": _commas(map(sql.Identifier, names)),
        "same_key": _all(
            sql.SQL("{} = {}").format(sql.Identifier("old", name), sql.Identifier("given", name))
            for name in shape.key
        ),
        "order": _commas(sql.Identifier("old", name) for name in shape.key),
        "old_keys": _commas(_renamed("old", shape.key, "key")),
        "old_columns": _more(_renamed("old", shape.values, "was")),
        "new_keys": _commas(_renamed("new", shape.key, "key")),
        "was_columns": _more([sql.Identifier("was", f"was_{n}") for n in range(len(shape.values))]),
    }


def _compared(of: str, shape: TableShape) -> sql.Composed:
    """The values as they can be compared: json cannot, jsonb can."""
    return _commas(
        sql.SQL("{}::jsonb" if shape.types[name] == "json" else "{}").format(
            sql.Identifier(of, name)
        )
        for name in shape.values
    )


def _renamed(of: str, names: Iterable[str], prefix: str) -> list[sql.Composable]:
    # By numbers: a name with a prefix might be too long.
    return [
        sql.SQL("{} AS {}").format(sql.Identifier(of, name), sql.Identifier(f"{prefix}_{n}"))
        for n, name in enumerate(names)
    ]


def _more(parts: Sequence[sql.Composable]) -> sql.Composable:
    return sql.SQL("").join(sql.SQL(", {}").format(part) for part in parts)


def _all(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(" AND ").join(parts)


def _commas(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
