"""The triggers that keep history, in SQL: whatever changes a table leaves its history whole.

By statement with transition tables, so that a change of 100,000 rows costs a few statements. They
run as the tables' owner: who may change an entity may read its history and not write it. Nothing
relies on numbers of transactions, which begin anew in a restored database: changes that belong to
one tick have its token.
"""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from hub.database.history.declared import (
    TrackedTable,
    clock_name,
    history_name,
    shortened,
)

__all__ = ["history_statements", "statements"]

_FUNCTION = sql.SQL("""CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS {body}""")

_BEGIN = """
DECLARE
    token uuid := nullif(current_setting('history.tick', true), '')::uuid;
    doing {activity_type} := nullif(current_setting('history.activity', true), '')::{activity_type};
BEGIN"""

# Outside a tick: refused, or a tick of its own, one for all that this transaction does so.
_OUTSIDE = """
    IF token IS NULL THEN
        {refused}
        token := nullif(current_setting('history.outside', true), '')::uuid;
        IF token IS NULL THEN
            token := gen_random_uuid();
            PERFORM set_config('history.outside', token::text, true);
        END IF;
        doing := NULL;
    END IF;
    {required}"""
_REFUSED = """RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'history_tick',
            TABLE = {name}, MESSAGE = {refusal};"""
_REQUIRED = """IF doing IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'history_activity',
            TABLE = {name}, MESSAGE = {missing};
    END IF;"""

# The last tick of each entity is that of the token from here on; a clock that was set back does
# not turn history around. An entity that was there before has its first tick now.
_TICK = """
    INSERT INTO {clock} ({keys}{carried}, tick, at, token, activity_id, deleted)
    SELECT {of_row}{carried_of_row}, coalesce(last.tick, 0) + 1,
           greatest(clock_timestamp(), last.at + interval '1 microsecond'), token, doing, {gone}
    FROM {rows} AS row_ LEFT JOIN LATERAL (
        SELECT c.tick, c.at, c.token, c.deleted FROM {clock} AS c WHERE {clock_is_row}
        ORDER BY c.tick DESC LIMIT 1) AS last ON true
    WHERE last.token IS DISTINCT FROM token OR last.deleted;"""

_LAST = """CROSS JOIN LATERAL (SELECT c.tick FROM {clock} AS c WHERE {clock_is_row}
        ORDER BY c.tick DESC LIMIT 1) AS now_"""

_ADDED = """
    INSERT INTO {history} ({keys}{carried}, ticks, value)
    SELECT {of_row}{carried_of_row}, int4range(now_.tick, NULL), row_.{column}
    FROM added AS row_ {last};"""

_CHANGED = """
    -- {label}: again in the same tick, or from this tick on.
    UPDATE {history} AS h SET value = row_.{column}
    FROM added AS row_ JOIN removed AS was_ ON {old_is_row} {last}
    WHERE {history_is_row} AND upper_inf(h.ticks) AND lower(h.ticks) = now_.tick
      AND {new} IS DISTINCT FROM {old};
    UPDATE {history} AS h SET ticks = int4range(lower(h.ticks), now_.tick)
    FROM added AS row_ JOIN removed AS was_ ON {old_is_row} {last}
    WHERE {history_is_row} AND upper_inf(h.ticks) AND lower(h.ticks) < now_.tick
      AND {new} IS DISTINCT FROM {old};
    INSERT INTO {history} ({keys}{carried}, ticks, value)
    SELECT {of_row}{carried_of_row}, int4range(now_.tick, NULL), row_.{column}
    FROM added AS row_ JOIN removed AS was_ ON {old_is_row} {last}
    WHERE {new} IS DISTINCT FROM {old} AND NOT EXISTS (
        SELECT FROM {history} AS h WHERE {history_is_row} AND upper_inf(h.ticks));"""

_ENDED = """
    DELETE FROM {history} AS h USING removed AS row_ {last}
    WHERE {history_is_row} AND upper_inf(h.ticks) AND lower(h.ticks) = now_.tick;
    UPDATE {history} AS h SET ticks = int4range(lower(h.ticks), now_.tick)
    FROM removed AS row_ {last} WHERE {history_is_row} AND upper_inf(h.ticks);"""

_INSERT = """{begin}
    IF NOT EXISTS (SELECT FROM added) THEN
        RETURN NULL;
    END IF;{outside}{tick}{properties}
    RETURN NULL;
END """
_UPDATE = """{begin}
    IF EXISTS (SELECT FROM added AS row_ WHERE NOT EXISTS (
            SELECT FROM removed AS was_ WHERE {old_is_row})) THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'history_key',
            TABLE = {name}, MESSAGE = {moved};
    END IF;
    IF NOT EXISTS (SELECT FROM added AS row_ JOIN removed AS was_ ON {old_is_row}
                   WHERE ({new_values}) IS DISTINCT FROM ({old_values})) THEN
        RETURN NULL;
    END IF;{outside}{tick}{properties}
    RETURN NULL;
END """
_DELETE = """{begin}
    IF NOT EXISTS (SELECT FROM removed) THEN
        RETURN NULL;
    END IF;
    {kept}{outside}{tick}
    UPDATE {clock} AS k SET deleted = true FROM removed AS row_ {last}
    WHERE {kept_is_row} AND k.tick = now_.tick AND NOT k.deleted;{properties}
    RETURN NULL;
END """
_KEPT = """RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'history_removal',
        TABLE = {name}, MESSAGE = {never};"""


_FIRST_TICK = """INSERT INTO {clock} ({keys}{carried}, tick, at, token, deleted)
SELECT {of_row}{carried_of_row}, 1, clock_timestamp(), gen_random_uuid(), false
FROM {table} AS row_ WHERE NOT EXISTS (SELECT FROM {clock} AS c WHERE {clock_is_row})"""
_FIRST_VALUE = """INSERT INTO {history} ({keys}{carried}, ticks, value)
SELECT {of_row}{carried_of_row}, int4range(now_.tick, NULL), row_.{column}
FROM {table} AS row_ {last}
WHERE NOT EXISTS (SELECT FROM {history} AS h WHERE {history_is_row})"""


def history_statements(model: type) -> list[str]:
    """The statements that keep a model's history, for its migration, as the tables' owner.

    The tables of ticks and values are in the model's metadata, as any other. Rows that are there
    get their first tick. They may be run again.
    """
    return statements(model.__table__.info["history"])  # type: ignore[attr-defined]  # a Table


def statements(tracked: TrackedTable) -> list[str]:
    """The same from what is declared."""
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
            _FUNCTION.format(function=function, body=sql.Literal(body.as_string())),
            sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(trigger, table),
            sql.SQL(
                "CREATE TRIGGER {} AFTER {} ON {} REFERENCING {} FOR EACH STATEMENT "
                "EXECUTE FUNCTION {}()"
            ).format(trigger, sql.SQL(event), table, sql.SQL(tables), function),
        ]
    made += [*_truncation(tracked, parts), *_first(tracked, parts)]
    return [one.as_string() for one in made]


Parts = dict[str, sql.Composable]


def _insert(tracked: TrackedTable, parts: Parts) -> sql.Composable:
    # A creation is no change outside a tick: it is tick 1.
    properties = _each(tracked, _ADDED, parts)
    return _put(
        _INSERT, parts, begin=_begin(tracked), outside=_outside(tracked, parts, creation=True),
        tick=_tick(parts, "added", "false"), properties=properties,
    )  # fmt: skip


def _update(tracked: TrackedTable, parts: Parts) -> sql.Composable:
    return _put(
        _UPDATE, parts, begin=_begin(tracked), outside=_outside(tracked, parts),
        tick=_tick(parts, "(SELECT row_.* FROM added AS row_ JOIN removed AS was_ ON "
                   "{old_is_row} WHERE ({new_values}) IS DISTINCT FROM ({old_values}))", "false"),
        properties=_each(tracked, _CHANGED, parts),
    )  # fmt: skip


def _delete(tracked: TrackedTable, parts: Parts) -> sql.Composable:
    return _put(
        _DELETE, parts, begin=_begin(tracked), outside=_outside(tracked, parts),
        tick=_tick(parts, "removed", "true"), properties=_each(tracked, _ENDED, parts),
        kept=_put(_KEPT, parts) if tracked.removal == "refuse" else sql.SQL(""),
        last=_put(_LAST, parts),
    )  # fmt: skip


def _begin(tracked: TrackedTable) -> sql.Composable:
    kind = sql.SQL(tracked.activity_type or "text")
    # A column has the name of a variable: the column is meant, the variable where there is none.
    return sql.SQL("\n#variable_conflict use_variable") + sql.SQL(_BEGIN).format(activity_type=kind)


def _outside(tracked: TrackedTable, parts: Parts, *, creation: bool = False) -> sql.Composable:
    refuse = tracked.outside == "refuse" and not creation
    return _put(
        _OUTSIDE, parts,
        refused=_put(_REFUSED, parts) if refuse else sql.SQL(""),
        required=_put(_REQUIRED, parts) if tracked.activity_required else sql.SQL(""),
    )  # fmt: skip


def _tick(parts: Parts, rows: str, gone: str) -> sql.Composable:
    return _put(_TICK, parts, rows=_put(rows, parts), gone=sql.SQL(gone))


def _each(tracked: TrackedTable, text: str, parts: Parts) -> sql.Composable:
    return sql.SQL("").join(
        _put(
            text, parts, column=sql.Identifier(name), new=_compared(tracked, "row_", name),
            old=_compared(tracked, "was_", name), label=sql.SQL(name.replace("\n", " ")),
            history=_named(tracked, history_name(tracked.table, name)), last=_put(_LAST, parts),
        )
        for name in tracked.tracked
    )  # fmt: skip


def _put(text: str, parts: Parts, **more: sql.Composable) -> sql.Composed:
    wanted = {name: part for name, part in (parts | more).items() if f"{{{name}}}" in text}
    return sql.SQL(text).format(**wanted)


def _parts(tracked: TrackedTable) -> Parts:
    key, carried = tracked.key, tracked.carried
    table = tracked.table
    return {
        "table": _named(tracked, table),
        "clock": _named(tracked, clock_name(tracked.clock_of)),
        "keys": _commas(map(sql.Identifier, key)),
        "carried": _more(map(sql.Identifier, carried)),
        "of_row": _commas(sql.Identifier("row_", name) for name in key),
        "carried_of_row": _more(sql.Identifier("row_", name) for name in carried),
        "clock_is_row": _equal("c", key),
        "kept_is_row": _equal("k", key),
        "history_is_row": _equal("h", key),
        "old_is_row": _equal("was_", key),
        "new_values": _commas(_compared(tracked, "row_", name) for name in tracked.tracked),
        "old_values": _commas(_compared(tracked, "was_", name) for name in tracked.tracked),
        "name": sql.Literal(table),
        "refusal": sql.Literal(f"{table}: changed outside a tick; use `with clock_tick(...)`"),
        "missing": sql.Literal(f"{table}: a tick needs an activity"),
        "never": sql.Literal(f"{table}: rows whose history is kept are not removed"),
        "moved": sql.Literal(f"{table}: the key of a row whose history is kept does not change"),
    }


def _truncation(tracked: TrackedTable, parts: Parts) -> list[sql.Composable]:
    function = _named(tracked, shortened(f"{tracked.table}_history_truncate"))
    trigger = sql.Identifier("keep_history_truncate")
    body = sql.SQL("\nBEGIN\n    {}\nEND ").format(_put(_KEPT, parts))
    return [
        _FUNCTION.format(function=function, body=sql.Literal(body.as_string())),
        sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(trigger, parts["table"]),
        sql.SQL(
            "CREATE TRIGGER {} BEFORE TRUNCATE ON {} FOR EACH STATEMENT EXECUTE FUNCTION {}()"
        ).format(trigger, parts["table"], function),
    ]


def _first(tracked: TrackedTable, parts: Parts) -> list[sql.Composable]:
    """The first tick of what is there already."""
    clock = [_FIRST_TICK] if tracked.is_first else []
    return [
        *(_put(text, parts) for text in clock),
        *(
            _put(
                _FIRST_VALUE, parts, column=sql.Identifier(name), last=_put(_LAST, parts),
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


def _equal(alias: str, names: Iterable[str]) -> sql.Composed:
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(alias, name), sql.Identifier("row_", name))
        for name in names
    )


def _more(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL("").join(sql.SQL(", {}").format(part) for part in parts)


def _commas(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
