-- Trees of rows that name the one above.

-- tree --
-- One row of nested JSON: first every row's depth, from the roots down, then the branches, from the
-- deepest level up. `branches` holds the lists of children that are done, by their parent's key.
WITH RECURSIVE deep AS (
    SELECT row_.*, 0 AS depth_ FROM {table} AS row_ WHERE {is_root}
    UNION ALL
    SELECT row_.*, deep.depth_ + 1 FROM {table} AS row_ JOIN deep ON {row_below_deep}
),
up AS (
    SELECT coalesce(max(depth_), -1) + 1 AS depth_, '{{}}'::jsonb AS branches FROM deep
    UNION ALL
    SELECT up.depth_ - 1, (
        SELECT jsonb_object_agg(parent, children) FROM (
            SELECT {parent_key} AS parent, jsonb_agg(
                jsonb_build_object({columns}, 'children', up.branches -> {own_key})
                ORDER BY {order}) AS children
            FROM deep AS d WHERE d.depth_ = up.depth_ - 1 GROUP BY 1
        ) AS level_)
    FROM up WHERE up.depth_ > 0
)
SELECT coalesce((SELECT value FROM jsonb_each(branches)), '[]') FROM up WHERE depth_ = 0;

-- refuse_cycle --
-- A new row is in no circle but its own statement's; moves go one after the other. Who does not
-- see what others committed meanwhile locks what is above. UNION ends it where there is a circle
-- above that this row has no part in.
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql SET search_path {path} AS $function$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM pg_advisory_xact_lock(hashtextextended({name}, 0));
        IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
            PERFORM FROM {table} AS row_ WHERE ({row_key}) IN (
                WITH RECURSIVE above AS (
                    SELECT {parent_of_new}
                    UNION
                    SELECT {parent_of_row} FROM {table} AS row_ JOIN above ON {row_is_above})
                SELECT {above} FROM above) FOR SHARE;
        END IF;
    END IF;
    IF EXISTS (
        WITH RECURSIVE above AS (
            SELECT {parent_of_new}
            UNION
            SELECT {parent_of_row} FROM {table} AS row_ JOIN above ON {row_is_above})
        SELECT FROM above WHERE {new_is_above}
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = {constraint},
            SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
            MESSAGE = format({message}, ({of_new})::text);
    END IF;
    RETURN NULL;
END $function$;

-- refuse_cycle_insert --
CREATE OR REPLACE TRIGGER refuse_cycle_insert AFTER INSERT ON {table}
FOR EACH ROW WHEN ({new_has_parent}) EXECUTE FUNCTION {function}();

-- refuse_cycle_update --
CREATE OR REPLACE TRIGGER refuse_cycle_update AFTER UPDATE ON {table}
FOR EACH ROW WHEN ({new_has_parent} AND ({new_both}) IS DISTINCT FROM ({old_both}))
EXECUTE FUNCTION {function}();

-- refuse_present_cycles --
-- What is there already is no tree where rows are left that no root leads to.
DO $check$
BEGIN
    IF EXISTS (
        WITH RECURSIVE deep AS (
            SELECT {row_key_named} FROM {table} AS row_ WHERE {is_root}
            UNION
            SELECT {row_key_named} FROM {table} AS row_ JOIN deep ON {row_below_deep_key})
        SELECT FROM {table} AS row_ WHERE NOT EXISTS (SELECT FROM deep WHERE {row_is_deep})
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = {constraint},
            MESSAGE = format({present}, {name});
    END IF;
END $check$;
