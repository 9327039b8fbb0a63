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

-- store_readings --
SELECT * FROM dormouse.store_readings(
    %b::int4[], %b::int4[], %b::timestamptz[], %b::float8[], %b::text[], %b::text[], %b::int4[],
    %b::bool[]);
