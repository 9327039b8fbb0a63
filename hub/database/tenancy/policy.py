"""The policies of a table, made from how it is declared to belong to tenants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from psycopg import sql

from hub.database.tenancy.declaration import (
    Clause,
    Command,
    Link,
    OwnKey,
    TableName,
    TableTenancy,
    TenantSetting,
)

__all__ = ["POLICY", "Policy", "condition", "current", "policies", "table_identifier"]

POLICY = "tenant"
"""The name of a table's policy; one for a command alone has the command behind it."""

_COMMANDS: tuple[Command, ...] = ("SELECT", "INSERT", "UPDATE", "DELETE")
_ALSO_TEXT = ("text", "character varying", "varchar", "char", "character")


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as Postgres has it: conditions in SQL, None where the command has none."""

    name: str
    command: str = "ALL"
    using: str | None = None
    check: str | None = None
    roles: tuple[str, ...] = ("public",)
    permissive: bool = True


def policies(table: TableTenancy, setting: TenantSetting) -> tuple[Policy, ...]:
    """The policies of a table: one for all commands, or one for each where they differ."""
    generated = condition(table, setting)
    general = _clause(table.clauses.get("ALL"), generated)
    if not set(table.clauses) - {"ALL"}:
        return (Policy(POLICY, "ALL", general.using, general.check),)
    made = []
    for command in _COMMANDS:
        own = table.clauses.get(command)
        clause = general if own is None else _clause(own, generated)
        made.append(
            Policy(
                f"{POLICY}_{command.lower()}",
                command,
                None if command == "INSERT" else clause.using,
                clause.check if command in {"INSERT", "UPDATE"} else None,
            )
        )
    return tuple(made)


def condition(table: TableTenancy, setting: TenantSetting) -> str:
    """The condition that a row must meet, '' for a table without a way to a tenant.

    Each way must allow it. One that may be null is passed over where it is, but some way must
    lead to the tenant: a row that names nobody is nobody's.
    """
    ways: list[tuple[tuple[str, ...], bool, sql.Composable]] = [
        *((own.columns, own.nullable, _owned(own, setting)) for own in table.own),
        *((link.columns, link.nullable, _linked(link)) for link in table.links),
    ]
    if len(ways) == 1:
        return ways[0][2].as_string()
    parts = [
        _any([*_nulls(columns, "IS NULL"), allowed]) if nullable else allowed
        for columns, nullable, allowed in ways
    ]
    if ways and all(nullable for _, nullable, _ in ways):
        parts.append(_any([_all(_nulls(columns, "IS NOT NULL")) for columns, _, _ in ways]))
    return _all(parts).as_string() if parts else ""


def current(setting: TenantSetting) -> list[sql.Composed]:
    """The key of the transaction's tenant, an expression a column; null where none is set.

    The sub-select is computed once a query, not once a row; after a transaction-local setting
    ends it reads '', for which a bare cast fails.
    """
    return [
        sql.SQL("(SELECT NULLIF(current_setting({}, true), ''){})").format(
            sql.Literal(name), sql.SQL("" if kind in _ALSO_TEXT else f"::{kind}")
        )
        for name, kind in zip(setting.names, setting.types, strict=True)
    ]


def table_identifier(name: TableName) -> sql.Identifier:
    """The table's name in SQL, with its schema."""
    return sql.Identifier(name.schema, name.table)


def _owned(own: OwnKey, setting: TenantSetting) -> sql.Composable:
    return _all(
        [
            sql.SQL("{} = {}").format(sql.Identifier(column), key)
            for column, key in zip(own.columns, current(setting), strict=True)
        ]
    )


def _linked(link: Link) -> sql.Composable:
    # The parent's own policy applies within: the chain repeats itself. It also stands in for the
    # foreign key check, which ignores row-level security.
    columns = sql.SQL(", ").join(map(sql.Identifier, link.columns))
    return sql.SQL("{} IN (SELECT {} FROM {})").format(
        sql.SQL("({})").format(columns) if len(link.columns) > 1 else columns,
        sql.SQL(", ").join(sql.Identifier(link.parent.table, key) for key in link.keys),
        table_identifier(link.parent),
    )


def _nulls(columns: Iterable[str], what: str) -> list[sql.Composable]:
    return [sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(what)) for name in columns]


def _all(parts: list[sql.Composable]) -> sql.Composable:
    return _joined(parts, " AND ")


def _any(parts: list[sql.Composable]) -> sql.Composable:
    return _joined(parts, " OR ")


def _joined(parts: list[sql.Composable], word: str) -> sql.Composable:
    """With the parentheses with which Postgres prints it back."""
    if len(parts) == 1:
        return parts[0]
    return sql.SQL(word).join(sql.SQL("({})").format(part) for part in parts)


def _clause(clause: Clause | None, generated: str) -> Clause:
    using, check = (None, None) if clause is None else (clause.using, clause.check)
    if using is None and check is None:
        using = check = "{tenant}"
    using, check = using or check, check or using
    return Clause(*(text and text.replace("{tenant}", f"({generated})") for text in (using, check)))
