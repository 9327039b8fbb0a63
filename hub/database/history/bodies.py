"""What the triggers that keep history are made of, in SQL; `triggers` fills in the names."""

from __future__ import annotations

__all__ = [
    "ADDED",
    "BEGIN",
    "CHANGED",
    "DELETE",
    "ENDED",
    "FIRST_TICK",
    "FIRST_VALUE",
    "FUNCTION",
    "GONE",
    "INSERT",
    "KEEP_PARTITIONS",
    "KEPT",
    "LAST",
    "LOCKED",
    "NEVER",
    "NEXT",
    "NOW",
    "OUTSIDE",
    "PARTITION",
    "PARTITIONS",
    "REFUSED",
    "REQUIRED",
    "STEPS",
    "UPDATE",
    "WRITE",
]

FUNCTION = """CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS {body}"""

BEGIN = """
DECLARE
    token uuid := nullif(current_setting('history.tick', true), '')::uuid;
    doing {activity_type} := nullif(current_setting('history.activity', true), '')::{activity_type};
BEGIN"""

# Outside a tick: refused, or a tick of its own, one for all that this transaction does so.
OUTSIDE = """
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
REFUSED = """RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'history_tick',
            TABLE = {name}, MESSAGE = {refusal};"""
REQUIRED = """IF doing IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'history_activity',
            TABLE = {name}, MESSAGE = {missing};
    END IF;"""

# The last tick of each entity is that of the token from here on; a clock that was set back does
# not turn history around. An entity that was there before has its first tick now.
LAST = """LATERAL (
        SELECT c.tick, c.at, c.token, c.deleted{clock_carried} FROM {clock} AS c
        WHERE {clock_is_row} ORDER BY c.tick DESC LIMIT 1) AS last"""
STEPS = "(last.token IS DISTINCT FROM token OR last.deleted)"
NEXT = "greatest(clock_timestamp(), last.at + interval '1 microsecond')"

# All of a statement's rows with their ticks, found once; then every property's history and the
# clock from that. Columns have numbers: a name might be one of those beside it.
WRITE = """
    WITH stepped AS MATERIALIZED (
        SELECT {keys_of_row}{carried_of_row}{values_of_row}{differences},
               coalesce(last.tick, 0) + {steps}::integer AS tick, {next_at} AS at, {steps} AS steps
        FROM {rows} LEFT JOIN {last} ON true {differing}
    ){properties}
    INSERT INTO {clock} ({keys}{carried}, tick, at, token, activity_id, deleted)
    SELECT {stepped_keys}{stepped_carried}, s.tick, s.at, token, doing, false
    FROM stepped AS s WHERE s.steps;"""

ADDED = """, {begun} AS (
        INSERT INTO {history} ({keys}{carried}, ticks, value)
        SELECT {stepped_keys}{stepped_carried}, int4range(s.tick, NULL), s.{value} FROM stepped AS s
    )"""

# Again in the same tick, or from this tick on: then the one that was is closed first.
CHANGED = """, {kept} AS (
        UPDATE {history} AS h SET
            ticks = CASE WHEN lower(h.ticks) < s.tick THEN int4range(lower(h.ticks), s.tick)
                    ELSE h.ticks END,
            value = CASE WHEN lower(h.ticks) = s.tick THEN s.{value} ELSE h.value END
        FROM stepped AS s WHERE {history_is_stepped} AND upper_inf(h.ticks) AND s.{differs}
        RETURNING {history_keys}, upper_inf(h.ticks) AS goes_on
    ), {begun} AS (
        INSERT INTO {history} ({keys}{carried}, ticks, value)
        SELECT {stepped_keys}{stepped_carried}, int4range(s.tick, NULL), s.{value}
        FROM stepped AS s LEFT JOIN {kept} AS h ON {kept_is_stepped}
        WHERE s.{differs} AND h.goes_on IS NOT TRUE
    )"""

NOW = """CROSS JOIN LATERAL (SELECT c.tick{clock_carried} FROM {clock} AS c WHERE {clock_is_row}
        ORDER BY c.tick DESC LIMIT 1) AS now_"""

GONE = """
    INSERT INTO {clock} ({keys}{carried}, tick, at, token, activity_id, deleted)
    SELECT {of_row}{carried_of_row}, coalesce(last.tick, 0) + 1, {next_at}, token, doing, true
    FROM removed AS row_ LEFT JOIN {last} ON true WHERE {steps};
    UPDATE {clock} AS k SET deleted = true FROM removed AS row_ {now}
    WHERE {kept_is_row} AND k.tick = now_.tick AND NOT k.deleted;"""

ENDED = """
    DELETE FROM {history} AS h USING removed AS row_ {now}
    WHERE {history_is_row} AND upper_inf(h.ticks) AND lower(h.ticks) = now_.tick;
    UPDATE {history} AS h SET ticks = int4range(lower(h.ticks), now_.tick)
    FROM removed AS row_ {now} WHERE {history_is_row} AND upper_inf(h.ticks);"""

INSERT = """{begin}
    IF NOT EXISTS (SELECT FROM added) THEN
        RETURN NULL;
    END IF;{outside}{write}
    RETURN NULL;
END """
# A joined table's row is locked by who changes it, its entity's is not: of two who change both at
# once the second waits, and goes on from the first one's tick.
LOCKED = """
    PERFORM FROM {first} AS f JOIN added AS row_ ON {first_is_row} ORDER BY {first_keys}
    FOR NO KEY UPDATE OF f;"""

UPDATE = """{begin}
    IF EXISTS (SELECT FROM added AS row_ WHERE NOT EXISTS (
            SELECT FROM removed AS was_ WHERE {old_is_row})) THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'history_key',
            TABLE = {name}, MESSAGE = {moved};
    END IF;
    IF NOT EXISTS (SELECT FROM added AS row_ JOIN removed AS was_ ON {old_is_row}
                   WHERE ({new_values}) IS DISTINCT FROM ({old_values})) THEN
        RETURN NULL;
    END IF;{outside}{locked}{write}
    RETURN NULL;
END """
DELETE = """{begin}
    IF NOT EXISTS (SELECT FROM removed) THEN
        RETURN NULL;
    END IF;
    {never_removed}{outside}{gone}{properties}
    RETURN NULL;
END """
NEVER = """RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'history_removal',
        TABLE = {name}, MESSAGE = {never};"""
KEPT = """RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'history_removal',
        TABLE = {name}, MESSAGE = {emptied};"""

# A statement's trigger on the whole table is none of its partitions', later ones' neither. Rows
# come into one by an INSERT alone, since their key does not change; until then it is empty.
PARTITIONS = """FOR part IN
        SELECT t.relid::regclass::text FROM pg_partition_tree({tree}) AS t
        WHERE t.level > 0 AND NOT EXISTS (
            SELECT FROM pg_trigger AS g
            WHERE g.tgrelid = t.relid AND g.tgname = 'keep_history_truncate')
    LOOP
        BEGIN
            EXECUTE 'CREATE OR REPLACE TRIGGER keep_history_truncate BEFORE TRUNCATE ON ' || part
                || ' FOR EACH STATEMENT EXECUTE FUNCTION ' || {truncate};
        EXCEPTION
            -- Read by the same statement (then the next INSERT does it); another's, or elsewhere.
            WHEN object_in_use OR insufficient_privilege OR wrong_object_type THEN NULL;
        END;
    END LOOP;"""
KEEP_PARTITIONS = """
DECLARE
    part text;
BEGIN
    SET LOCAL search_path = pg_catalog;
    {partitions}
END """
PARTITION = """
DECLARE
    part text;
BEGIN
    IF TG_OP = 'INSERT' AND TG_LEVEL = 'STATEMENT' AND TG_WHEN = 'BEFORE' THEN
        {partitions}
    END IF;
    IF TG_LEVEL = 'ROW' THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'history_partition',
            TABLE = {name}, MESSAGE = {by_name};
    END IF;
    PERFORM set_config('history.through', CASE TG_WHEN WHEN 'BEFORE' THEN {through} ELSE '' END,
                       true);
    RETURN NULL;
END """


FIRST_TICK = """INSERT INTO {clock} ({keys}{carried}, tick, at, token, deleted)
SELECT {of_row}{carried_of_row}, 1, clock_timestamp(), gen_random_uuid(), false
FROM {table} AS row_ WHERE NOT EXISTS (SELECT FROM {clock} AS c WHERE {clock_is_row})"""
FIRST_VALUE = """INSERT INTO {history} ({keys}{carried}, ticks, value)
SELECT {of_row}{carried_now}, int4range(now_.tick, NULL), row_.{column}
FROM {table} AS row_ {now}
WHERE NOT EXISTS (SELECT FROM {history} AS h WHERE {history_is_row})"""
