"""The triggers that keep history, in SQL: whatever changes a table leaves its history whole.

By statement with transition tables, so that a change of 100,000 rows costs a few statements. They
run as the tables' owner: who may change an entity may read its history and not write it. Nothing
relies on numbers of transactions, which begin anew in a restored database: changes that belong to
one tick have its token.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from psycopg import sql

from hub.database.history import bodies
from hub.database.history.declared import (
    TrackedTable,
    clock_name,
    history_name,
    shortened,
)

__all__ = ["history_statements", "left_statements", "statements"]


def history_statements(model: type) -> list[str]:
    """The statements that keep a model's history, for its migration, as the tables' owner.

    The tables of ticks and values are in the model's metadata, as any other. Rows that are there
    get their first tick. They may be run again.
    """
    tracked = model.__table__.info["history"]  # type: ignore[attr-defined]  # a Table
    left = [history_name(tracked.table, name) for name in tracked.tracked]
    left += [clock_name(tracked.table)] if tracked.is_first else []
    first = [one.as_string() for one in _first(tracked, _parts(tracked))]
    kept = [one for name in left for one in left_statements(tracked, name)]
    return [*statements(tracked), *kept, *first]


def statements(tracked: TrackedTable) -> list[str]:
    """Those of a table just made and empty; its clock and histories may not be there yet."""
    parts = _parts(tracked)
    made: list[sql.Composable] = []
    for event, body, tables in (
        ("INSERT", _insert(tracked, parts), "NEW TABLE AS added"),
        ("UPDATE", _update(tracked, parts), "OLD TABLE AS removed NEW TABLE AS added"),
        ("DELETE", _delete(tracked, parts), "OLD TABLE AS removed"),
    ):
        if event == "DELETE" and not tracked.is_first:
            continue  # goes with the row that it belongs to
        function = _named(tracked, shortened(f"{tracked.table}_history_{event.lower()}"))
        trigger = sql.Identifier(f"keep_history_{event.lower()}")
        table = parts["table"]
        made += [
            sql.SQL(bodies.FUNCTION).format(function=function, body=sql.Literal(body.as_string())),
            sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(trigger, table),
            sql.SQL(
                "CREATE TRIGGER {} AFTER {} ON {} REFERENCING {} FOR EACH STATEMENT "
                "EXECUTE FUNCTION {}()"
            ).format(trigger, sql.SQL(event), table, sql.SQL(tables), function),
        ]
    made += _truncation(tracked, f"{tracked.table}_history_truncate", bodies.NEVER, tracked.table)
    if tracked.partitioned:
        made += _partitions(tracked, parts)
    return [one.as_string() for one in made]


Parts = dict[str, sql.Composable]


def _insert(tracked: TrackedTable, parts: Parts) -> sql.Composable:
    # A creation is no change outside a tick: it is tick 1.
    return _put(
        bodies.INSERT, parts, begin=_begin(tracked),
        outside=_outside(tracked, parts, creation=True),
        write=_write(tracked, parts, bodies.ADDED, rows=sql.SQL("added AS row_")),
    )  # fmt: skip


def _update(tracked: TrackedTable, parts: Parts) -> sql.Composable:
    rows = _put("added AS row_ JOIN removed AS was_ ON {old_is_row}", parts)
    return _put(
        bodies.UPDATE, parts, begin=_begin(tracked), outside=_outside(tracked, parts),
        locked=sql.SQL("") if tracked.is_first else _put(bodies.LOCKED, parts),
        write=_write(tracked, parts, bodies.CHANGED, rows=rows, compared=True),
    )  # fmt: skip


def _delete(tracked: TrackedTable, parts: Parts) -> sql.Composable:
    return _put(
        bodies.DELETE, parts, begin=_begin(tracked), outside=_outside(tracked, parts),
        gone=_put(bodies.GONE, parts), properties=_each(tracked, bodies.ENDED, parts),
        never_removed=_put(bodies.NEVER, parts) if tracked.removal == "refuse" else sql.SQL(""),
    )  # fmt: skip


def _write(
    tracked: TrackedTable, parts: Parts, text: str, *, rows: sql.Composable, compared: bool = False
) -> sql.Composable:
    """What changed with its ticks, into the histories and the clock; `compared` with what was."""
    differences = [
        sql.SQL("{} IS DISTINCT FROM {} AS {}").format(
            _compared(tracked, "row_", name), _compared(tracked, "was_", name),
            sql.Identifier(f"differs_{n}"),
        )
        for n, name in enumerate(tracked.tracked if compared else ())
    ]  # fmt: skip
    differing = "WHERE ({new_values}) IS DISTINCT FROM ({old_values})" if compared else ""
    return _put(
        bodies.WRITE, parts, rows=rows, differing=_put(differing, parts),
        keys_of_row=_commas(_renamed("row_", tracked.own_key, "key")),
        carried_of_row=_more(
            _renamed("row_" if tracked.is_first else "last", tracked.carried, "carried")
        ),
        values_of_row=_more(_renamed("row_", tracked.tracked, "value")),
        differences=_more(differences),
        properties=_each(tracked, text, parts),
    )  # fmt: skip


def _begin(tracked: TrackedTable) -> sql.Composable:
    kind = sql.SQL(tracked.activity_type or "text")
    # A column has the name of a variable: the column is meant, the variable where there is none.
    return sql.SQL("\n#variable_conflict use_variable") + sql.SQL(bodies.BEGIN).format(
        activity_type=kind
    )


def _outside(tracked: TrackedTable, parts: Parts, *, creation: bool = False) -> sql.Composable:
    refuse = tracked.outside == "refuse" and not creation
    return _put(
        bodies.OUTSIDE, parts,
        refused=_put(bodies.REFUSED, parts) if refuse else sql.SQL(""),
        required=_put(bodies.REQUIRED, parts) if tracked.activity_required else sql.SQL(""),
    )  # fmt: skip


def _each(tracked: TrackedTable, text: str, parts: Parts) -> sql.Composable:
    return sql.SQL("").join(
        _put(
            text, parts, column=sql.Identifier(name), value=sql.Identifier(f"value_{n}"),
            differs=sql.Identifier(f"differs_{n}"), kept=sql.Identifier(f"kept_{n}"),
            begun=sql.Identifier(f"begun_{n}"),
            history=_named(tracked, history_name(tracked.table, name)),
        )
        for n, name in enumerate(tracked.tracked)
    )  # fmt: skip


def _put(text: str, parts: Parts, **more: sql.Composable) -> sql.Composed:
    wanted = {name: part for name, part in (parts | more).items() if f"{{{name}}}" in text}
    return sql.SQL(text).format(**wanted)


def _parts(tracked: TrackedTable) -> Parts:
    key, own, carried, table = tracked.key, tracked.own_key, tracked.carried, tracked.table
    # A joined table may not have the columns that are carried: the entity's clock has them.
    clock = {
        "clock": _named(tracked, clock_name(tracked.clock_of)),
        "clock_is_row": _pairs("c", key, "row_", own),
        "clock_carried": _more(sql.Identifier("c", name) for name in carried),
    }
    numbered = [f"key_{n}" for n in range(len(key))]
    return clock | {
        "steps": sql.SQL(bodies.STEPS),
        "next_at": sql.SQL(bodies.NEXT),
        "last": _put(bodies.LAST, clock),
        "now": _put(bodies.NOW, clock),
        "table": _named(tracked, table),
        "first": _named(tracked, tracked.clock_of),
        "first_is_row": _pairs("f", key, "row_", own),
        "first_keys": _commas(sql.Identifier("f", name) for name in key),
        "keys": _commas(map(sql.Identifier, key)),
        "carried": _more(map(sql.Identifier, carried)),
        "of_row": _commas(sql.Identifier("row_", name) for name in own),
        "carried_of_row": _more(sql.Identifier("row_", name) for name in carried),
        "carried_now": _more(
            sql.Identifier("row_" if tracked.is_first else "now_", name) for name in carried
        ),
        "stepped_keys": _commas(sql.Identifier("s", name) for name in numbered),
        "stepped_carried": _more(sql.Identifier("s", f"carried_{n}") for n in range(len(carried))),
        "history_keys": _commas(_renamed("h", key, "key")),
        "kept_is_row": _pairs("k", key, "row_", own),
        "history_is_row": _pairs("h", key, "row_", own),
        "history_is_stepped": _pairs("h", key, "s", numbered),
        "kept_is_stepped": _pairs("h", numbered, "s", numbered),
        "old_is_row": _pairs("was_", own, "row_", own),
        "new_values": _commas(_compared(tracked, "row_", name) for name in tracked.tracked),
        "old_values": _commas(_compared(tracked, "was_", name) for name in tracked.tracked),
        "name": sql.Literal(table),
        "refusal": sql.Literal(f"{table}: changed outside a tick; use `with clock_tick(...)`"),
        "missing": sql.Literal(f"{table}: a tick needs an activity"),
        "never": sql.Literal(f"{table}: rows whose history is kept are not removed"),
        "through": sql.Literal(f"{tracked.schema or 'public'}.{table}"),
        "by_name": sql.Literal(
            f"{table}: rows of a partition are written by way of the whole table"
        ),
        "emptied": sql.Literal(f"{table}: its history is not emptied"),
        "moved": sql.Literal(f"{table}: the key of a row whose history is kept does not change"),
    }


def left_statements(tracked: TrackedTable, left: str) -> list[str]:
    """What refuses to empty one of the tables that a tracked one leaves: its clock, a history."""
    made = _truncation(tracked, f"{tracked.table}_history_kept", bodies.KEPT, left)
    return [one.as_string() for one in made]


def _truncation(tracked: TrackedTable, function: str, text: str, on: str) -> list[sql.Composable]:
    named = _named(tracked, shortened(function))
    body = sql.SQL("\nBEGIN\n    {}\nEND ").format(_put(text, _parts(tracked))).as_string()
    return [
        sql.SQL(bodies.FUNCTION).format(function=named, body=sql.Literal(body)),
        sql.SQL(
            "CREATE OR REPLACE TRIGGER keep_history_truncate BEFORE TRUNCATE ON {} "
            "FOR EACH STATEMENT EXECUTE FUNCTION {}()"
        ).format(_named(tracked, on), named),
    ]


def _partitions(tracked: TrackedTable, parts: Parts) -> list[sql.Composable]:
    """A statement that names a partition passes the table's triggers by, but not those of rows."""
    function = _named(tracked, shortened(f"{tracked.table}_history_partition"))
    never = _named(tracked, shortened(f"{tracked.table}_history_truncate")).as_string()
    kept: Parts = {"truncate": sql.Literal(f"{never}()")}
    later = _put(bodies.PARTITIONS, kept, tree=sql.SQL("TG_RELID"))
    table = sql.Literal(_named(tracked, tracked.table).as_string())
    there = _put(bodies.PARTITIONS, kept, tree=sql.SQL("{}::regclass").format(table))
    body = _put(bodies.PARTITION, parts, partitions=later).as_string()
    now = _put(bodies.KEEP_PARTITIONS, {}, partitions=there).as_string()
    made: list[sql.Composable] = [
        sql.SQL(bodies.FUNCTION).format(function=function, body=sql.Literal(body)),
        sql.SQL("DO {}").format(sql.Literal(now)),
    ]
    for name, when, each in (
        ("keep_history_begin", "BEFORE", "STATEMENT"),
        ("keep_history_end", "AFTER", "STATEMENT"),
        ("keep_history_partition", "BEFORE", "ROW"),
    ):
        known = sql.SQL("WHEN (current_setting('history.through', true) IS DISTINCT FROM {}) ")
        made += [
            sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(sql.Identifier(name), parts["table"]),
            sql.SQL(
                "CREATE TRIGGER {} {} INSERT OR UPDATE OR DELETE ON {} FOR EACH {} {}"
                "EXECUTE FUNCTION {}()"
            ).format(
                sql.Identifier(name), sql.SQL(when), parts["table"], sql.SQL(each),
                known.format(parts["through"]) if each == "ROW" else sql.SQL(""), function,
            ),
        ]  # fmt: skip
    return made


def _first(tracked: TrackedTable, parts: Parts) -> list[sql.Composable]:
    """The first tick of what is there already."""
    clock = [bodies.FIRST_TICK] if tracked.is_first else []
    return [
        *(_put(text, parts) for text in clock),
        *(
            _put(
                bodies.FIRST_VALUE, parts, column=sql.Identifier(name),
                history=_named(tracked, history_name(tracked.table, name)),
            )
            for name in tracked.tracked
        ),
    ]  # fmt: skip


def _named(tracked: TrackedTable, name: str) -> sql.Identifier:
    return sql.Identifier(*([tracked.schema] if tracked.schema else ["public"]), name)


def _compared(tracked: TrackedTable, alias: str, name: str) -> sql.Composable:
    cast = sql.SQL("::text" if name in tracked.without_equality else "")
    return sql.SQL("{}{}").format(sql.Identifier(alias, name), cast)


def _pairs(one: str, names: Sequence[str], other: str, others: Sequence[str]) -> sql.Composed:
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(one, name), sql.Identifier(other, its))
        for name, its in zip(names, others, strict=True)
    )


def _renamed(alias: str, names: Sequence[str], prefix: str) -> list[sql.Composed]:
    return [
        sql.SQL("{} AS {}").format(sql.Identifier(alias, name), sql.Identifier(f"{prefix}_{n}"))
        for n, name in enumerate(names)
    ]


def _more(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL("").join(sql.SQL(", {}").format(part) for part in parts)


def _commas(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
