"""Triggers that do for tenants what policies cannot: fill a key in, look at a cycle of tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from psycopg import sql

from hub.database.tenancy.declaration import Fill, Link, TableName, TableTenancy
from hub.database.tenancy.policy import table_identifier

__all__ = ["TenantTrigger", "backfill", "triggers"]

# Triggers of the same kind fire by their names: this one before Postgres' own check of a foreign
# key (RI_...), whose error would tell that another tenant has such a row.
_CHECK = "Check_tenant"
_FILL = "tenant_fill"
_FOLLOW = "tenant_follow"
_LONGEST = 63  # bytes of a name in Postgres


@dataclass(frozen=True, slots=True)
class TenantTrigger:
    """A trigger with the function that it calls, both as Postgres prints them back."""

    table: TableName
    name: str
    function: TableName
    body: str
    definition: str


def triggers(table: TableTenancy) -> tuple[TenantTrigger, ...]:
    """The triggers that a table needs, on it and on those that its key comes from."""
    made = []
    if table.fill is not None:
        made.append(_filling(table.table, table.fill))
        made += _following(table.table, table.fill)
    if table.checked:
        made.append(_checking(table.table, table.checked))
    return tuple(made)


def backfill(table: TableTenancy) -> tuple[str, ...]:
    """Statements that fill the key of the rows that are there, for the tables' owner."""
    if table.fill is None:
        return ()
    fill, names = table.fill, [table.table, *(link.parent for link in table.fill.path)]
    # Forced row-level security binds the owner too, who has no tenant.
    freed = [_statement("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY", name) for name in names]
    forced = [_statement("ALTER TABLE {} FORCE ROW LEVEL SECURITY", name) for name in names]
    update = sql.SQL("UPDATE {} AS filled SET {} FROM {} WHERE {} AND ({}) IS DISTINCT FROM ({})")
    return (
        *freed,
        update.format(
            table_identifier(table.table),
            _commas(
                sql.SQL("{} = {}").format(sql.Identifier(name), _of(len(fill.path), key))
                for name, key in zip(fill.columns, fill.source, strict=True)
            ),
            _commas(_aliased(fill.path)),
            _joins(fill.path, "filled"),
            _commas(sql.Identifier("filled", name) for name in fill.columns),
            _commas(_of(len(fill.path), name) for name in fill.source),
        ).as_string(),
        *forced,
    )


def _filling(table: TableName, fill: Fill) -> TenantTrigger:
    watched = [*fill.path[0].columns, *fill.columns]
    body = sql.SQL("""
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF ({new}) IS NOT DISTINCT FROM ({old}) AND {whole} THEN
            RETURN NEW;
        END IF;
    END IF;
    SELECT {source} INTO {into} FROM {tables} WHERE {joins};
    RETURN NEW;
END """).format(
        new=_commas(_record("NEW", name) for name in watched),
        old=_commas(_record("OLD", name) for name in watched),
        whole=_all(sql.SQL("{} IS NOT NULL").format(_record("NEW", name)) for name in fill.columns),
        source=_commas(_of(len(fill.path), name) for name in fill.source),
        into=_commas(_record("NEW", name) for name in fill.columns),
        tables=_commas(_aliased(fill.path)),
        joins=_joins(fill.path, None),
    )
    return _trigger(table, table, _FILL, _FILL, body=body, event="BEFORE INSERT OR UPDATE")


def _following(table: TableName, fill: Fill) -> list[TenantTrigger]:
    """A parent that goes to another tenant, or to another parent, takes its children with it."""
    made = []
    for number, link in enumerate(fill.path, 1):
        last = number == len(fill.path)
        watched = fill.source if last else fill.path[number].columns
        body = sql.SQL("""
BEGIN
    IF ({new}) IS DISTINCT FROM ({old}) THEN
        UPDATE {table} AS filled SET {nothing} FROM {tables} WHERE {joins} AND {this};
    END IF;
    RETURN NULL;
END """).format(
            new=_commas(_record("NEW", name) for name in watched),
            old=_commas(_record("OLD", name) for name in watched),
            table=table_identifier(table),
            # The trigger that fills sees that it changed, and fills it.
            nothing=_commas(
                sql.SQL("{} = NULL").format(sql.Identifier(name)) for name in fill.columns
            ),
            tables=_commas(_aliased(fill.path[:number])),
            joins=_joins(fill.path[:number], "filled"),
            this=_all(
                sql.SQL("{} = {}").format(_of(number, key), _record("NEW", key))
                for key in link.keys
            ),
        )
        name = f"{_FOLLOW}_{table.schema}_{table.table}"
        function = f"{_FOLLOW}_{number}"
        made.append(_trigger(link.parent, table, name, function, body=body, event="AFTER UPDATE"))
    return made


def _checking(table: TableName, links: Sequence[Link]) -> TenantTrigger:
    checks = [
        sql.SQL("""
    IF {named} AND NOT EXISTS (SELECT FROM {parent} AS parent WHERE {same}) THEN
        RAISE insufficient_privilege USING MESSAGE = {message}, SCHEMA = {schema}, TABLE = {table};
    END IF;""").format(
            named=_all(sql.SQL("{} IS NOT NULL").format(_record("NEW", n)) for n in link.columns),
            parent=table_identifier(link.parent),
            same=_all(
                sql.SQL("{} = {}").format(sql.Identifier("parent", key), _record("NEW", name))
                for name, key in zip(link.columns, link.keys, strict=True)
            ),
            message=sql.Literal(
                "new row violates row-level security policy for table "
                f'"{table.table}": {", ".join(link.columns)}'
            ),
            schema=sql.Literal(table.schema),
            table=sql.Literal(table.table),
        )
        for link in links
    ]
    body = sql.SQL("\nBEGIN{}\n    RETURN NULL;\nEND ").format(sql.SQL("").join(checks))
    return _trigger(table, table, _CHECK, _CHECK.lower(), body=body, event="AFTER INSERT OR UPDATE")


def _trigger(
    on: TableName, of: TableName, name: str, function: str, *, body: sql.Composed, event: str
) -> TenantTrigger:
    called = TableName(of.schema, _short(f"{of.table}_{function}"))
    # At the statement's end: a row may name one that the same statement writes.
    kind, when = (
        ("CONSTRAINT TRIGGER", "NOT DEFERRABLE INITIALLY IMMEDIATE ")
        if name == _CHECK
        else ("TRIGGER", "")
    )
    definition = sql.SQL("CREATE {} {} {} ON {} {}FOR EACH ROW EXECUTE FUNCTION {}()").format(
        sql.SQL(kind), sql.Identifier(_short(name)), sql.SQL(event), table_identifier(on),
        sql.SQL(when), table_identifier(called),
    )  # fmt: skip
    return TenantTrigger(on, _short(name), called, body.as_string(), definition.as_string())


def _short(name: str) -> str:
    """The name, or what of it fits with a sum of all of it."""
    if len(name.encode()) <= _LONGEST:
        return name
    digest = sha256(name.encode()).hexdigest()[:8]
    return name.encode()[: _LONGEST - 9].decode(errors="ignore") + "_" + digest


def _of(number: int, column: str) -> sql.Identifier:
    return sql.Identifier(f"parent_{number}", column)


def _record(record: str, column: str) -> sql.Composed:
    return sql.SQL("{}.{}").format(sql.SQL(record), sql.Identifier(column))


def _aliased(path: Sequence[Link]) -> list[sql.Composed]:
    return [
        sql.SQL("{} AS {}").format(table_identifier(link.parent), sql.Identifier(f"parent_{n}"))
        for n, link in enumerate(path, 1)
    ]


def _joins(path: Sequence[Link], child: str | None) -> sql.Composed:
    """`child` is the filled table's alias; None: the row that is written."""
    conditions: list[sql.Composable] = []
    for number, link in enumerate(path, 1):
        for column, key in zip(link.columns, link.keys, strict=True):
            below: sql.Composable = _of(number - 1, column)
            if number == 1:
                below = sql.Identifier(child, column) if child else _record("NEW", column)
            conditions.append(sql.SQL("{} = {}").format(_of(number, key), below))
    return _all(conditions)


def _statement(text: str, table: TableName) -> str:
    return sql.SQL(text).format(table_identifier(table)).as_string()


def _commas(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)


def _all(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(" AND ").join(parts)
