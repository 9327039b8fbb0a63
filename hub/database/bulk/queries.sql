-- Rows written together. The table's own triggers and policies hold as for any other statement.

-- columns --
SELECT a.attname, format_type(a.atttypid, a.atttypmod),
       a.attgenerated <> '' OR a.attidentity = 'a', a.attgenerated <> ''
FROM pg_attribute a WHERE a.attrelid = to_regclass(%(table)s) AND a.attnum > 0
  AND NOT a.attisdropped ORDER BY a.attnum;

-- update --
-- Locked in the order of keys, so that two of these wait for each other instead of failing; what
-- is the same already is left alone, and makes no history.
WITH given AS (SELECT {casts} FROM unnest({arrays}) AS raw ({names})),
was AS MATERIALIZED (
    SELECT {old_keys} {old_columns} {given_columns}
    FROM {table} AS old JOIN given ON {same_key}
    WHERE ({old_values}) IS DISTINCT FROM ({given_values})
    ORDER BY {order} FOR UPDATE OF old
)
UPDATE {table} AS new SET {assignments} FROM was WHERE {was_key}
RETURNING {new_keys} {was_columns} {new_columns};

-- upsert --
-- All that was is read before anything is written: a row that this statement has changed by then
-- would not be found.
WITH given AS (SELECT {casts} FROM unnest({arrays}) AS raw ({names})),
was AS MATERIALIZED (
    SELECT {old_keys} {old_columns}, true AS there
    FROM {table} AS old JOIN given ON {same_key} ORDER BY {order} FOR UPDATE OF old
), done AS (
    INSERT INTO {table} AS new ({targets}) {overriding} SELECT {given_all} FROM given
    WHERE (SELECT count(*) FROM was) IS NOT NULL ORDER BY {given_keys}
    ON CONFLICT ({conflict}) DO {action}
    RETURNING {new_keys} {new_columns}
)
SELECT {done_keys} {was_columns} {done_columns}, was.there FROM done LEFT JOIN was ON {done_key};
