-- Readings into the database, and the numbers of their devices and series.

-- make_devices --
WITH wanted AS (SELECT DISTINCT unnest(%s::text[]) AS key ORDER BY 1),
made AS (
    INSERT INTO dormouse.device (tenant_id, key)
    SELECT dormouse.current_tenant(), key FROM wanted
    WHERE NOT EXISTS (SELECT FROM dormouse.device d WHERE d.key = wanted.key)
    ON CONFLICT (tenant_id, key) DO NOTHING)
SELECT count(*) FROM wanted;

-- make_series --
INSERT INTO dormouse.series (tenant_id, device_id, service, index, characteristic, kind)
SELECT dormouse.current_tenant(), d.id, w.service, w.index, w.characteristic, w.kind
FROM unnest(%s::text[], %s::text[], %s::smallint[], %s::text[], %s::text[])
    AS w(device, service, index, characteristic, kind)
JOIN dormouse.device d ON d.key = w.device
ORDER BY d.id, w.service, w.index, w.characteristic
ON CONFLICT (tenant_id, device_id, service, index, characteristic) DO NOTHING;

-- series_numbers --
SELECT d.key, s.service, s.index, s.characteristic, s.id, d.id
FROM dormouse.series s JOIN dormouse.device d ON d.id = s.device_id
WHERE d.key = ANY(%s);

-- take_number --
-- A transaction with a number is written to disk when it commits.
SELECT pg_current_xact_id();

-- ensure_partitions_ahead --
SELECT dormouse.ensure_partitions_ahead(%s);

-- ensure_partition --
SELECT dormouse.ensure_partition(%s::timestamptz);

-- note_arrivals --
-- Which readings were dated by a clock that may be set yet: see dormouse.redate.
INSERT INTO dormouse.arrival (tenant_id, series_id, at, boot, clock_offset)
SELECT DISTINCT dormouse.current_tenant(), arrived.series_id, arrived.at, %s, %s::float8
FROM unnest(%b::int4[], %b::timestamptz[]) AS arrived (series_id, at);

-- redate --
SELECT dormouse.redate(%s, %s);

-- redate_days --
-- Days of reports that cannot be: what a clock said that stood years before, or ahead. Before
-- `redate`, which has the devices' last reports follow.
WITH dated AS (
    SELECT device_id, clock_offset FROM dormouse.device_state WHERE clock_boot = %(boot)s
    UNION ALL
    -- A report that came since has its time by the clock as it is now.
    SELECT s.device_id, a.clock_offset
    FROM dormouse.arrival a JOIN dormouse.series s ON s.id = a.series_id
    WHERE a.boot = %(boot)s AND abs(a.clock_offset - %(offset)s::float8) > 0.5
), wrong_by AS (
    SELECT device_id, max(%(offset)s::float8 - clock_offset) * interval '1 second' AS shift
    FROM dated WHERE abs(clock_offset - %(offset)s::float8) > 0.5 GROUP BY 1
), wrong AS (
    DELETE FROM dormouse.report_daily r USING wrong_by w
    WHERE r.device_id = w.device_id
      AND (r.day > (now() AT TIME ZONE 'UTC')::date OR r.day < '2015-01-01')
    RETURNING r.*, w.shift
), true_days AS (
    -- From noon, since a shift by some days and hours leads from one day into two.
    SELECT *, least((now() AT TIME ZONE 'UTC')::date,
                    (day + time '12:00' + shift)::date) AS true_day FROM wrong)
INSERT INTO dormouse.report_daily AS r (tenant_id, device_id, day, reports, battery_first,
    battery_last, battery_low, rssi_total, rssi_count, awake_total, awake_count, awake_high,
    heap_low, watchdogs, watchdog_at, powers, power_at)
SELECT tenant_id, device_id, true_day, sum(reports),
    (array_agg(battery_first ORDER BY day) FILTER (WHERE battery_first IS NOT NULL))[1],
    (array_agg(battery_last ORDER BY day DESC) FILTER (WHERE battery_last IS NOT NULL))[1],
    min(battery_low), sum(rssi_total), sum(rssi_count), sum(awake_total), sum(awake_count),
    max(awake_high), min(heap_low), sum(watchdogs), max(watchdog_at + shift), sum(powers),
    max(power_at + shift)
FROM true_days GROUP BY 1, 2, 3 ORDER BY 2, 3
ON CONFLICT (tenant_id, device_id, day) DO UPDATE
-- What is there already came after the clock was set.
SET reports = r.reports + excluded.reports,
    battery_first = coalesce(excluded.battery_first, r.battery_first),
    battery_last = coalesce(r.battery_last, excluded.battery_last),
    battery_low = least(r.battery_low, excluded.battery_low),
    rssi_total = r.rssi_total + excluded.rssi_total,
    rssi_count = r.rssi_count + excluded.rssi_count,
    awake_total = r.awake_total + excluded.awake_total,
    awake_count = r.awake_count + excluded.awake_count,
    awake_high = greatest(r.awake_high, excluded.awake_high),
    heap_low = least(r.heap_low, excluded.heap_low),
    watchdogs = r.watchdogs + excluded.watchdogs,
    watchdog_at = greatest(r.watchdog_at, excluded.watchdog_at),
    powers = r.powers + excluded.powers,
    power_at = greatest(r.power_at, excluded.power_at);

-- settle --
DELETE FROM dormouse.arrival WHERE boot = %(boot)s
AND (%(offset)s::float8 IS NULL OR abs(clock_offset - %(offset)s::float8) <= 0.5);

-- settle_devices --
UPDATE dormouse.device_state SET clock_boot = NULL, clock_offset = NULL WHERE clock_boot = %(boot)s
AND (%(offset)s::float8 IS NULL OR abs(clock_offset - %(offset)s::float8) <= 0.5);

-- continue --
WITH gone AS (
    DELETE FROM dormouse.arrival WHERE boot = %(former)s
    RETURNING tenant_id, series_id, at, clock_offset)
INSERT INTO dormouse.arrival (tenant_id, series_id, at, boot, clock_offset)
SELECT tenant_id, series_id, at, %(boot)s, clock_offset + %(by)s FROM gone;

-- continue_devices --
UPDATE dormouse.device_state SET clock_boot = %(boot)s, clock_offset = clock_offset + %(by)s
WHERE clock_boot = %(former)s;

-- series_sources --
-- How sources say their numbers now; null: since ever.
SELECT DISTINCT ON (series_id) series_id, nullif(at, '2000-01-01Z'), unit, gain, offset_by
FROM dormouse.series_source WHERE series_id = ANY(%s) ORDER BY series_id, at DESC;

-- note_sources --
INSERT INTO dormouse.series_source (tenant_id, series_id, at, unit, gain, offset_by)
SELECT dormouse.current_tenant(), series, coalesce(at, '2000-01-01Z'), unit, gain, offset_by
FROM unnest(%s::int[], %s::timestamptz[], %s::text[], %s::float8[], %s::float8[])
    AS u(series, at, unit, gain, offset_by)
ORDER BY series, at
ON CONFLICT (tenant_id, series_id, at) DO NOTHING;

-- forget_old_sources --
DELETE FROM dormouse.series_source AS s
USING (SELECT DISTINCT unnest(%s::int[]) AS series) AS u CROSS JOIN LATERAL (
    SELECT at FROM dormouse.series_source WHERE series_id = u.series AND at > '2000-01-01Z'
    ORDER BY at DESC OFFSET %s LIMIT 1) AS oldest
WHERE s.series_id = u.series AND s.at > '2000-01-01Z' AND s.at <= oldest.at;

-- redate_sources --
-- Before `redate`, which forgets when its readings were dated.
UPDATE dormouse.series_source AS s SET at = s.at + a.shift
FROM (SELECT series_id, at, (%(offset)s::float8 - max(clock_offset)) * interval '1 second' AS shift
      FROM dormouse.arrival
      WHERE boot = %(boot)s AND abs(clock_offset - %(offset)s::float8) > 0.5 GROUP BY 1, 2) AS a
WHERE s.series_id = a.series_id AND s.at = a.at;

-- store_readings --
SELECT * FROM dormouse.store_readings(
    %b::int4[], %b::int4[], %b::timestamptz[], %b::float8[], %b::text[], %b::text[], %b::int4[],
    %b::bool[]);
