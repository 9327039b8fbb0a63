-- Readings, rollups, calibrations, and how long they are kept. `{...}` are put in by the module.

-- series_of_key --
SELECT s.id, s.kind FROM dormouse.series s JOIN dormouse.device d ON d.id = s.device_id
WHERE d.key = %s AND s.service = %s AND s.index = %s AND s.characteristic = %s;

-- samples --
SELECT at, value, raw, text FROM dormouse.calibrated
WHERE series_id = %(series)s AND at >= %(since)s AND at < %(until)s
  AND stored_under >= date_bin('1 day', %(since)s, '2000-01-01Z') AND stored_under < %(until)s
ORDER BY at, row_id;

-- sparks --
SELECT series_id, floor(extract(epoch FROM at - %(since)s) / %(seconds)s) AS slot, avg(value)
FROM dormouse.calibrated
WHERE series_id = ANY(%(series)s) AND at >= %(since)s AND at < %(until)s AND value IS NOT NULL
  AND stored_under >= date_bin('1 day', %(since)s, '2000-01-01Z') AND stored_under < %(until)s
GROUP BY 1, 2;

-- bins --
SELECT start, n, total, low, high, last FROM dormouse.{rollup}
WHERE series_id = %s AND start >= %s AND start < %s ORDER BY start;

-- source_changes --
-- Where sources came to say their numbers otherwise, and what they said before.
SELECT series_id, at, unit, gain, offset_by, unit_before, gain_before, offset_before FROM (
    SELECT series_id, at, unit, gain, offset_by, lag(unit) OVER w AS unit_before,
           lag(gain) OVER w AS gain_before, lag(offset_by) OVER w AS offset_before
    FROM dormouse.series_source WHERE series_id = ANY(%(series)s)
    WINDOW w AS (PARTITION BY series_id ORDER BY at)) AS s
WHERE at > %(since)s AND at < %(until)s AND unit_before IS NOT NULL ORDER BY series_id, at;

-- edges_of_calibration --
-- From when until when it can hold: whole bins, where the readings in them are gone.
SELECT dormouse.whole_bin(%(series)s, %(since)s, false), dormouse.whole_bin(%(series)s, %(until)s, true);

-- split_calibration --
-- Room is made first: what is being replaced ends where the new one begins, and begins where it
-- ends. Rows are cut rather than made anew, so that only what changes is computed again.
WITH split AS (
    UPDATE dormouse.calibration c SET during = tstzrange(lower(c.during), %(since)s)
    FROM dormouse.calibration o
    WHERE o.id = c.id AND c.series_id = %(series)s
      AND %(since)s::timestamptz IS NOT NULL AND %(until)s::timestamptz IS NOT NULL
      AND o.during @> tstzrange(%(since)s, %(until)s, '[]')
      AND lower(o.during) IS DISTINCT FROM %(since)s
    RETURNING c.series_id, upper(o.during) AS until, c.gain, c.offset_by
)
INSERT INTO dormouse.calibration (series_id, during, gain, offset_by)
SELECT series_id, tstzrange(%(until)s, until), gain, offset_by FROM split;

-- forget_calibrations --
DELETE FROM dormouse.calibration
WHERE series_id = %(series)s AND during <@ tstzrange(%(since)s, %(until)s);

-- cut_calibrations --
UPDATE dormouse.calibration SET during = during - tstzrange(%(since)s, %(until)s)
WHERE series_id = %(series)s AND during && tstzrange(%(since)s, %(until)s);

-- calibrate --
INSERT INTO dormouse.calibration (series_id, during, gain, offset_by)
VALUES (%(series)s, tstzrange(%(since)s, %(until)s), %(gain)s, %(offset)s);

-- last_value_before --
-- Of packed days the last one that began before is enough.
WITH days AS (
    SELECT max(day) AS newest FROM dormouse.packed_day
    WHERE series_id = %(series)s AND first < %(before)s AND day < %(before)s)
SELECT l.value * coalesce(c.gain, 1) + coalesce(c.offset_by, 0) FROM (
    (SELECT at, value FROM dormouse.reading
     WHERE series_id = %(series)s AND at < %(before)s AND at >= %(since)s AND value IS NOT NULL
     ORDER BY at DESC, ctid DESC LIMIT 1)
    UNION ALL
    (SELECT u.at, u.value FROM dormouse.packed_day p CROSS JOIN LATERAL dormouse.unpack(p) AS u
     WHERE p.series_id = %(series)s AND p.day = (SELECT newest FROM days)
       AND u.at < %(before)s AND u.at >= %(since)s AND u.value IS NOT NULL
     ORDER BY u.at DESC, u.nth DESC LIMIT 1)
) AS l
LEFT JOIN dormouse.calibration c ON c.series_id = %(series)s AND c.during @> l.at
ORDER BY l.at DESC LIMIT 1;

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
SELECT EXISTS (SELECT FROM dormouse.every_reading
    WHERE series_id = %(series)s AND at >= %(first)s AND at < %(end)s
      AND stored_under >= date_bin('1 day', %(first)s, '2000-01-01Z') AND stored_under < %(end)s);

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
SELECT at FROM dormouse.every_reading
WHERE series_id = %(series)s AND at >= %(since)s AND at < %(until)s
  AND stored_under >= date_bin('1 day', %(since)s, '2000-01-01Z') AND stored_under < %(until)s;

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
        OR EXISTS (SELECT FROM dormouse.packed_day
                   WHERE series_id = %(series)s AND first < %(since)s)
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
WHERE d.id = coalesce(
        CASE WHEN %(as_of)s::timestamptz IS NOT NULL
             THEN dormouse.device_called(%(device)s, %(as_of)s) END,
        (SELECT id FROM dormouse.device WHERE key = %(device)s))
  AND s.service = %(service)s AND s.index = %(index)s AND s.characteristic = %(characteristic)s;

-- series_with_calibrations --
-- Those of these keys that there are, with what they are calibrated by now.
SELECT k.n::int, s.id, s.kind, coalesce((
    SELECT jsonb_agg(jsonb_build_object('since', lower(c.during), 'until', upper(c.during),
                                        'gain', c.gain, 'offset', c.offset_by))
    FROM dormouse.calibration c WHERE c.series_id = s.id), '[]')
FROM unnest(%s::text[], %s::text[], %s::int[], %s::text[]) WITH ORDINALITY
    AS k(device, service, index, characteristic, n)
JOIN dormouse.device d ON d.key = k.device
JOIN dormouse.series s ON s.device_id = d.id AND s.service = k.service AND s.index = k.index
    AND s.characteristic = k.characteristic;

-- count_readings --
-- Packed days that lie within are counted without being unpacked.
SELECT least(%(most)s, (SELECT count(*) FROM (
        SELECT FROM dormouse.reading
        WHERE series_id = %(series)s AND at >= %(since)s AND at < %(until)s LIMIT %(most)s) AS c)
    + (SELECT coalesce(sum(CASE
           WHEN day >= %(since)s AND day + interval '1 day' <= %(until)s THEN n
           ELSE (SELECT count(*) FROM dormouse.unpack(p) AS u
                 WHERE u.at >= %(since)s AND u.at < %(until)s) END), 0)::bigint
       FROM dormouse.packed_day p
       WHERE series_id = %(series)s AND day < %(until)s
         AND day >= date_bin('1 day', %(since)s, '2000-01-01Z')));

-- count_bins --
SELECT count(*) FROM (
    SELECT FROM dormouse.{rollup}
    WHERE series_id = %(series)s AND start >= %(since)s AND start < %(until)s
    LIMIT %(most)s) AS counted;

-- piece_of_points --
WITH reach AS ({reach}), piece AS MATERIALIZED ({rows})
SELECT count(*), max(at), count(*) FILTER (WHERE at = (SELECT max(at) FROM piece)), {columns}
FROM piece;

-- readings_in_order --
-- From `since` on without the first `skip`. Past the view `calibrated`, whose joins are made anew for
-- each row: 15 us where this takes 5. Neither more rows nor more days are looked at than make the
-- piece: of all of them in one order, each piece of a year would look through the rest of the year.
SELECT r.at, r.nth, r.row_id, {value} AS value, r.value AS raw, r.text
FROM (
    (SELECT at, 0::bigint AS nth, ctid AS row_id, value, text FROM dormouse.reading
     WHERE series_id = %(series)s AND at >= %(since)s AND at < (SELECT until FROM reach)
     ORDER BY at, ctid LIMIT %(size)s::bigint + %(skip)s)
    UNION ALL
    SELECT u.at, u.nth, NULL, u.value, u.text
    FROM dormouse.packed_day p CROSS JOIN LATERAL dormouse.unpack(p) AS u
    WHERE p.series_id = %(series)s AND p.day >= date_bin('1 day', %(since)s, '2000-01-01Z')
      AND p.day < (SELECT until FROM reach)
      AND u.at >= %(since)s AND u.at < (SELECT until FROM reach)
) AS r {calibration}
ORDER BY r.at, r.nth, r.row_id OFFSET %(skip)s LIMIT %(size)s;

-- reach_of_piece --
-- Until when there are surely as many readings as a piece has, or until the end.
SELECT coalesce(min(day) + interval '1 day', %(until)s) AS until FROM (
    SELECT day, sum(n) OVER (ORDER BY day) AS whole FROM dormouse.packed_day
    WHERE series_id = %(series)s AND day >= %(since)s
      AND day + interval '1 day' <= %(until)s) AS p
WHERE whole >= %(size)s + %(skip)s;

-- calibrated_value --
r.value * coalesce(c.gain, 1) + coalesce(c."offset", 0);

-- calibration_of_row --
LEFT JOIN jsonb_to_recordset(%(calibration)s) AS c(
    since timestamptz, until timestamptz, gain float8, "offset" float8)
    ON tstzrange(c.since, c.until) @> r.at;

-- series_in_place --
-- Series of devices that were in a place, or in one below it, within a time, and when they were until
-- its end: since stays began, ten years before at most.
WITH RECURSIVE branch AS (
    SELECT id FROM dormouse.place WHERE id = %(place)s
    UNION ALL
    SELECT p.id FROM dormouse.place p JOIN branch ON p.parent_id = branch.id
), around AS (
    SELECT tstzrange(
        least(%(since)s, greatest(%(since)s::timestamptz - interval '10 years', '1970-01-01Z')),
        %(until)s) AS span
), there AS (
    SELECT p.tenant_id, p.device_id, range_agg(p.during * a.span) AS stays
    FROM dormouse.placement p, around a
    WHERE p.location_id IN (SELECT id FROM branch) AND p.during && a.span
    GROUP BY p.tenant_id, p.device_id
    HAVING range_agg(p.during) && tstzrange(%(since)s, %(until)s)
)
SELECT s.id, d.key, s.service, s.index, s.characteristic, s.kind, coalesce((
           SELECT jsonb_agg(jsonb_build_object('since', lower(c.during), 'until', upper(c.during),
                                               'gain', c.gain, 'offset', c.offset_by))
           FROM dormouse.calibration c
           WHERE c.tenant_id = s.tenant_id AND c.series_id = s.id), '[]'),
       t.stays
FROM there t
JOIN dormouse.series s ON s.tenant_id = t.tenant_id AND s.device_id = t.device_id
JOIN dormouse.device d ON d.tenant_id = t.tenant_id AND d.id = t.device_id
WHERE %(characteristic)s::text IS NULL OR s.characteristic = %(characteristic)s
ORDER BY d.key, s.service, s.index, s.characteristic;

-- is_place --
SELECT EXISTS (SELECT FROM dormouse.place WHERE id = %s);

-- read_only --
SET TRANSACTION READ ONLY;

-- rules_of_retention --
SELECT d.key, s.service, s.index, s.characteristic, r.characteristic, r.raw_days, r.hourly_days,
       r.daily_days
FROM dormouse.retention r
LEFT JOIN dormouse.series s ON s.tenant_id = r.tenant_id AND s.id = r.series_id
LEFT JOIN dormouse.device d ON d.tenant_id = s.tenant_id AND d.id = s.device_id
ORDER BY r.series_id IS NOT NULL, r.characteristic IS NOT NULL, 1, 2, 3, 4, 5;

-- months_on_disk --
SELECT c.relname, greatest(c.reltuples, 0)::bigint, pg_total_relation_size(c.oid)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'dormouse.reading'::regclass ORDER BY 1;
