-- Readings, rollups, calibrations, and how long they are kept. `{...}` are put in by the module.

-- series_of_key --
SELECT s.id, s.kind FROM dormouse.series s JOIN dormouse.device d ON d.id = s.device_id
WHERE d.key = %s AND s.service = %s AND s.index = %s AND s.characteristic = %s;

-- samples --
SELECT at, value, raw, text FROM dormouse.calibrated
WHERE series_id = %s AND at >= %s AND at < %s ORDER BY at;

-- bins --
SELECT start, n, total, low, high, last FROM dormouse.{rollup}
WHERE series_id = %s AND start >= %s AND start < %s ORDER BY start;

-- make_room_for_calibration --
-- Room is made first: what is being replaced ends where the new one begins, and begins where it
-- ends.
WITH gone AS (
    DELETE FROM dormouse.calibration
    WHERE series_id = %(series)s AND during && tstzrange(%(since)s, %(until)s)
    RETURNING series_id, during, gain, offset_by
)
INSERT INTO dormouse.calibration (series_id, during, gain, offset_by)
SELECT series_id, rest, gain, offset_by
FROM gone, unnest(tstzmultirange(during) - tstzmultirange(tstzrange(%(since)s, %(until)s))) AS rest;

-- calibrate --
INSERT INTO dormouse.calibration (series_id, during, gain, offset_by)
VALUES (%(series)s, tstzrange(%(since)s, %(until)s), %(gain)s, %(offset)s);

-- last_value_before --
SELECT value FROM dormouse.calibrated
WHERE series_id = %s AND at < %s AND at >= %s AND value IS NOT NULL ORDER BY at DESC LIMIT 1;

-- days_of_reports --
SELECT r.day, r.reports, r.battery_low, r.battery_last,
       r.rssi_total::float8 / nullif(r.rssi_count, 0) AS rssi,
       r.awake_total::float8 / nullif(r.awake_count, 0) AS awake,
       r.awake_high, r.heap_low, r.watchdogs, r.powers
FROM dormouse.report_daily r
JOIN dormouse.device d ON d.tenant_id = r.tenant_id AND d.id = r.device_id
WHERE d.key = %s ORDER BY r.day DESC LIMIT %s;

-- keep_for --
INSERT INTO dormouse.retention (series_id, characteristic, raw_days, hourly_days, daily_days)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, series_id, characteristic) DO UPDATE SET raw_days = excluded.raw_days,
    hourly_days = excluded.hourly_days, daily_days = excluded.daily_days;

-- series_number --
SELECT s.id FROM dormouse.series s JOIN dormouse.device d ON d.id = s.device_id
WHERE d.key = %s AND s.service = %s AND s.index = %s AND s.characteristic = %s;

-- expire --
SELECT e.what, d.key, s.service, s.index, s.characteristic, e.before, e.n
FROM dormouse.expire(%s) AS e JOIN dormouse.series s ON s.id = e.series_id
JOIN dormouse.device d ON d.id = s.device_id;

-- drop_expired_partitions --
SELECT * FROM dormouse.drop_expired_partitions(%s);

-- size_of_rollup --
SELECT count(*), coalesce(sum(n), 0), min(start) FROM dormouse.{rollup}
WHERE series_id = %(series)s AND start >= %(since)s AND start < %(until)s;

-- is_reading_kept --
-- Whether the first bin of a coarser resolution is there in the finer one.
SELECT EXISTS (SELECT FROM dormouse.reading
    WHERE series_id = %(series)s AND at >= %(first)s AND at < %(end)s);

-- is_hour_kept --
SELECT EXISTS (SELECT FROM dormouse.hourly
    WHERE series_id = %(series)s AND start >= %(first)s AND start < %(end)s);

-- expected_interval --
-- A device that sleeps says when it wakes next; what it did is judged by its hours.
WITH hours AS (
    SELECT n, start - lag(start) OVER (ORDER BY start) AS since_last FROM dormouse.hourly
    WHERE series_id = %(series)s AND start >= %(since)s AND start < %(until)s)
SELECT (SELECT CASE WHEN jsonb_typeof(st.report -> 'next_wake_s') = 'number'
               THEN (st.report ->> 'next_wake_s')::float8 END
        FROM dormouse.series s JOIN dormouse.device_state st ON st.device_id = s.device_id
        WHERE s.id = %(series)s),
       (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n) FROM hours),
       (SELECT extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY since_last))::float8
        FROM hours);

-- times_of_readings --
SELECT at FROM dormouse.reading
WHERE series_id = %(series)s AND at >= %(since)s AND at < %(until)s;

-- times_of_bins --
SELECT start AS at FROM dormouse.{rollup}
WHERE series_id = %(series)s AND start >= %(since)s AND start < %(until)s;

-- gaps_in_times --
-- Before the first reading of all nothing is missing; after the last one only what was due.
WITH times AS ({times}),
ends AS (
    SELECT at + %(width)s AS began, lead(at) OVER (ORDER BY at) AS ended FROM times
    UNION ALL
    SELECT %(since)s, min(at) FROM times
    HAVING EXISTS (SELECT FROM dormouse.reading WHERE series_id = %(series)s AND at < %(since)s)
        OR EXISTS (SELECT FROM dormouse.daily WHERE series_id = %(series)s AND start < %(since)s)
),
bounded AS (SELECT began, coalesce(ended, least(%(until)s, now())) AS ended FROM ends)
SELECT began, ended FROM bounded WHERE ended - began > %(limit)s - %(width)s
ORDER BY began LIMIT %(most)s;

-- series_with_calibration --
SELECT s.id, s.kind, coalesce(CASE WHEN %(as_of)s::timestamptz IS NULL THEN (
    SELECT jsonb_agg(jsonb_build_object('since', lower(c.during), 'until', upper(c.during),
                                        'gain', c.gain, 'offset', c.offset_by))
    FROM dormouse.calibration c WHERE c.series_id = s.id
) ELSE (
    SELECT jsonb_agg(c)
    FROM dormouse.device_as_of(%(as_of)s, d.id) t, jsonb_array_elements(t.calibration) AS c
    WHERE c ->> 'service' = s.service AND (c ->> 'index')::int = s.index
      AND c ->> 'characteristic' = s.characteristic
) END, '[]')
FROM dormouse.series s JOIN dormouse.device d ON d.id = s.device_id
WHERE d.key = %(device)s AND s.service = %(service)s AND s.index = %(index)s
  AND s.characteristic = %(characteristic)s;

-- count_points --
SELECT count(*) FROM (
    SELECT FROM dormouse.{table}
    WHERE series_id = %(series)s AND {column} >= %(since)s AND {column} < %(until)s
    LIMIT %(most)s) AS counted;

-- piece_of_points --
WITH piece AS MATERIALIZED ({rows})
SELECT count(*), max(at),
       (SELECT p.row_id::text FROM piece p ORDER BY p.at DESC, p.row_id DESC LIMIT 1), {columns}
FROM piece;

-- readings_in_order --
-- Past the view `calibrated`, whose joins are made anew for each row: 15 us where this takes 5.
SELECT r.at, r.ctid AS row_id, {value} AS value, r.value AS raw, r.text
FROM dormouse.reading r {calibration}
WHERE r.series_id = %(series)s AND r.at >= %(since)s AND r.at < %(until)s
  AND (r.at > %(since)s OR r.ctid > %(row)s::tid)
ORDER BY r.at, r.ctid LIMIT %(size)s;

-- calibrated_value --
r.value * coalesce(c.gain, 1) + coalesce(c."offset", 0);

-- calibration_of_row --
LEFT JOIN jsonb_to_recordset(%(calibration)s) AS c(
    since timestamptz, until timestamptz, gain float8, "offset" float8)
    ON tstzrange(c.since, c.until) @> r.at;

-- bins_in_order --
SELECT start AS at, '(0,1)'::tid AS row_id, n, total / n AS mean, low, high, last
FROM dormouse.{rollup}
WHERE series_id = %(series)s AND start >= %(since)s AND start < %(until)s
  AND (start > %(since)s OR '(0,1)'::tid > %(row)s::tid)
ORDER BY start LIMIT %(size)s;

-- read_only --
SET TRANSACTION READ ONLY;
