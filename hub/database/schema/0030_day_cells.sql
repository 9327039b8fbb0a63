-- What a bin says, as JSON has it behind its time: made once, when it is worked out. Of a year of a
-- hundred series it is the most that an answer costs.
CREATE FUNCTION dormouse.bin_cells(
    n integer, total double precision, low double precision, high double precision,
    last double precision, area double precision, seconds double precision,
    rise double precision, states jsonb
) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
RETURN n::text
    || ',' || coalesce((coalesce(area / nullif(seconds, 0), total / nullif(n, 0)))::text, 'null')
    || ',' || coalesce(low::text, 'null') || ',' || coalesce(high::text, 'null')
    || ',' || coalesce(last::text, 'null') || ',' || coalesce((total / nullif(n, 0))::text, 'null')
    || ',' || coalesce(seconds::text, 'null') || ',' || coalesce(rise::text, 'null')
    || ',' || coalesce(states::text, 'null');

ALTER TABLE dormouse.day_bin ADD cells text GENERATED ALWAYS AS (
    dormouse.bin_cells(n, total, low, high, last, area, seconds, rise, states)) STORED;
