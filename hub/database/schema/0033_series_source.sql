-- How a series' source said its numbers, from when on: in which unit, and what a rule made of them.
-- What was so from the beginning has the year 2000, which is before every reading; each further row is
-- a change. The hub writes them with the reading that was the first to be read so.
CREATE TABLE dormouse.series_source (
    tenant_id integer NOT NULL,
    series_id integer NOT NULL,
    at timestamptz NOT NULL,
    -- Empty: the characteristic's own, or none that was named.
    unit text NOT NULL CHECK (length(unit) <= 16),
    gain double precision NOT NULL,
    offset_by double precision NOT NULL,
    PRIMARY KEY (tenant_id, series_id, at),
    FOREIGN KEY (tenant_id, series_id) REFERENCES dormouse.series (tenant_id, id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, DELETE ON dormouse.series_source TO dormouse_app;
GRANT UPDATE (at) ON dormouse.series_source TO dormouse_app;

-- By how much a counter rose from one reading to the next, both as they were measured. One that
-- falls by less than half runs backwards (what is fed into the grid) or drifts in its last digits,
-- and so does one that is below zero: that is told as it is, and the sum stays right. Any other fall
-- is a register or a dial that is full and goes on from 0, or a signed register that goes on from
-- its lowest, where one is less than a fiftieth of its size away (a two hundredth, where it counts
-- in parts of the unit); else it began anew at 0.
CREATE OR REPLACE FUNCTION dormouse.counter_rise(before double precision, now double precision)
RETURNS double precision
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
RETURN CASE
    WHEN before IS NULL THEN 0
    WHEN now >= before OR before < 0 OR now > before / 2 THEN now - before
    ELSE coalesce((
        SELECT now + size - before
        FROM (
            SELECT size, size / 50 AS near
            FROM unnest(ARRAY[65536, 16777216, 4294967296, 10000, 100000, 1000000, 10000000,
                              100000000, 1000000000]::double precision[]) AS size
            UNION ALL
            -- Tenths to thousandths, and watt-minutes as kWh.
            SELECT size * part, size * part / 200
            FROM unnest(ARRAY[65536, 16777216, 4294967296]::double precision[]) AS size,
                 unnest(ARRAY[0.1, 0.01, 0.001, 1 / 60000::double precision]) AS part
        ) AS sizes
        WHERE before < size AND now + size - before <= near
        ORDER BY size LIMIT 1), CASE WHEN now < 0 THEN now - before ELSE now END)
    END;

-- They are worked out again when somebody asks.
DELETE FROM dormouse.day_bin WHERE rise IS NOT NULL;
