"""The statements of a tree, put together from the names of a table's columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy
from psycopg import sql

from hub.database.errors import TreeModelError
from hub.database.queries import Queries

__all__ = ["tree_query", "tree_statements"]

_QUERIES = Queries.of("hub.database.trees")
# Postgres cuts names off after so many bytes.
_LONGEST = 63


def tree_query(
    model: Any,
    columns: Sequence[str],
    *,
    parent: Sequence[str] = ("parent_id",),
    order_by: Sequence[str] | None = None,
) -> sql.Composed:
    """A query with one row of one value: the tree as nested JSON.

    Roots in an array, each an object of the `columns` and `children`, which is an array as well,
    null for a leaf. `parent` are the columns that name the primary key of the row above, null at
    a root; siblings go by `order_by`, the first of the columns otherwise. Any of them may be
    called as the model's attribute is. Raises TreeModelError.
    """
    parent, own, siblings = (
        _column_names(model, names) for names in (parent, columns, order_by or columns[:1])
    )
    table, key = _table(model, (*own, *parent, *siblings), parent)
    names = {
        **_names(table, key, parent),
        "columns": _commas(
            sql.SQL("{}, {}").format(sql.Literal(name), sql.Identifier("d", column))
            for name, column in zip(columns, own, strict=True)
        ),
        "order": _commas(sql.Identifier("d", name) for name in (*siblings, *key)),
        "own_key": _text_key("d", key),
        # All roots have the same key: that of no row.
        "parent_key": sql.SQL("CASE WHEN {} THEN 'null' ELSE {} END").format(
            _any_null("d", parent), _text_key("d", parent)
        ),
    }
    return _QUERIES["tree"].format(**names)


def tree_statements(model: Any, *, parent: Sequence[str] = ("parent_id",)) -> list[str]:
    """What keeps a table a tree, to be run by its owner: no row may come to lie below itself.

    However it is written: a row or many, INSERT, UPDATE, upsert or COPY, two at once, at any
    isolation. A circle is refused as a violated check named `<table>_is_a_tree`; one that is
    there already refuses the installation. Raises TreeModelError.
    """
    parent = _column_names(model, parent)
    table, key = _table(model, parent, parent)
    names = _names(table, key, parent)
    return [
        _QUERIES[name].format(**names).as_string()
        for name in (
            "refuse_present_cycles", "refuse_cycle", "refuse_cycle_insert", "refuse_cycle_update"
        )
    ]  # fmt: skip


def _column_names(model: Any, names: Sequence[str]) -> tuple[str, ...]:
    """What the table calls a model's attributes; a column's own name will do as well."""
    if isinstance(model, sqlalchemy.Table):
        return tuple(names)
    attributes = sqlalchemy.inspect(model).columns
    return tuple(str(attributes[name].name) if name in attributes else name for name in names)


def _table(
    model: Any, columns: Iterable[str], parent: Sequence[str]
) -> tuple[sqlalchemy.Table, tuple[str, ...]]:
    found = model if isinstance(model, sqlalchemy.Table) else sqlalchemy.inspect(model).local_table
    key = tuple(column.name for column in found.primary_key)
    if len(key) != len(parent):
        raise TreeModelError(str(found), f"({', '.join(parent)}) cannot name ({', '.join(key)})")
    for name in columns:
        if name not in found.c:
            raise TreeModelError(str(found), f"it has no column {name!r}")
    return found, key


def _names(
    table: sqlalchemy.Table, key: Sequence[str], parent: Sequence[str]
) -> dict[str, sql.Composable]:
    path = (table.schema,) if table.schema else ()
    # A part of the key that both rows share, such as a tenant's, has a place in both.
    pairs = list(zip(key, parent, strict=True))
    whole = ".".join((*path, table.name))
    both = [*key, *(name for name in parent if name not in key)]
    return {
        "table": sql.Identifier(*path, table.name),
        "function": sql.Identifier(*path, f"{table.name[: _LONGEST - 13]}_refuse_cycle"),
        # A table without a schema is the one that is found when this is installed.
        "path": sql.SQL("= pg_catalog" if path else "FROM CURRENT"),
        "name": sql.Literal(whole),
        "constraint": sql.Literal(f"{table.name[: _LONGEST - 10]}_is_a_tree"),
        "message": sql.Literal(f"{table.name} %s cannot lie below itself"),
        "present": sql.Literal("%s is no tree: no root leads to some of its rows"),
        "is_root": _any_null("row_", parent),
        "new_has_parent": sql.SQL("NOT ({})").format(_any_null("new", parent)),
        "row_key": _of("row_", key),
        "row_key_named": _named("row_", key),
        "above": _commas(sql.SQL("above.{}").format(_n(n)) for n in range(len(key))),
        "of_new": _of("new", key) if len(key) == 1 else sql.SQL("ROW({})").format(_of("new", key)),
        "new_both": _of("new", both),
        "old_both": _of("old", both),
        "parent_of_new": _named("new", parent),
        "parent_of_row": _named("row_", parent),
        "row_is_above": _same("row_", key, "above"),
        "new_is_above": _same("new", key, "above"),
        "row_is_deep": _same("row_", key, "deep"),
        "row_below_deep_key": _same("row_", parent, "deep"),
        "row_below_deep": _all(
            sql.SQL("{} = {}").format(sql.Identifier("row_", p), sql.Identifier("deep", k))
            for k, p in pairs
        ),
    }


def _n(number: int) -> sql.Identifier:
    return sql.Identifier(f"key_{number}")


def _same(of: str, columns: Sequence[str], other: str) -> sql.Composed:
    return _all(
        sql.SQL("{} = {}.{}").format(sql.Identifier(of, name), sql.Identifier(other), _n(number))
        for number, name in enumerate(columns)
    )


def _named(of: str, columns: Sequence[str]) -> sql.Composed:
    return _commas(
        sql.SQL("{} AS {}").format(sql.Identifier(of, name), _n(number))
        for number, name in enumerate(columns)
    )


def _of(row: str, columns: Sequence[str]) -> sql.Composed:
    return _commas(sql.Identifier(row, name) for name in columns)


def _any_null(of: str, columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(" OR ").join(
        sql.SQL("{} IS NULL").format(sql.Identifier(of, name)) for name in columns
    )


def _text_key(of: str, columns: Sequence[str]) -> sql.Composed:
    return sql.SQL("jsonb_build_array({})::text").format(_of(of, columns))


def _all(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(" AND ").join(parts)


def _commas(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
