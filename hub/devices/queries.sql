-- Devices: what they said, what is known of them, what people change about them.

-- ensure_device --
INSERT INTO dormouse.device (tenant_id, key)
SELECT dormouse.current_tenant(), %(device)s
WHERE NOT EXISTS (SELECT FROM dormouse.device WHERE key = %(device)s)
ON CONFLICT (tenant_id, key) DO NOTHING;

-- add_device --
INSERT INTO dormouse.device (key, name, location_id) VALUES (%s, %s, %s);

-- device_names --
SELECT key, name FROM dormouse.device WHERE name IS NOT NULL;

-- ensure_devices --
INSERT INTO dormouse.device (tenant_id, key)
SELECT dormouse.current_tenant(), w.key
FROM (SELECT DISTINCT unnest(%(devices)s::text[]) AS key ORDER BY 1) AS w
WHERE NOT EXISTS (SELECT FROM dormouse.device d WHERE d.key = w.key)
ON CONFLICT (tenant_id, key) DO NOTHING;

-- keep_reports --
-- At most one of each device. A report that is not the newest adds nothing to its day either: it
-- would be in the wrong order.
WITH said AS MATERIALIZED (
    SELECT d.tenant_id, d.id, r.*
    FROM unnest(%(devices)s::text[], %(ats)s::timestamptz[], %(next_wakes)s::float8[],
                %(reports)s::text[], %(batteries)s::int4[], %(rssis)s::int4[],
                %(awakes)s::int4[], %(heaps)s::int4[], %(resets)s::text[],
                %(clock_boots)s::text[], %(clock_offsets)s::float8[])
        AS r(key, at, next_wake, report, battery, rssi, awake, heap, reset, clock_boot,
             clock_offset)
    JOIN dormouse.device d ON d.key = r.key
), kept AS (
    INSERT INTO dormouse.device_state AS s
        (tenant_id, device_id, seen_at, next_wake_at, report, report_at, clock_boot, clock_offset)
    SELECT tenant_id, id, at, at + next_wake * interval '1 second', report::jsonb, at, clock_boot,
           clock_offset
    FROM said ORDER BY id
    ON CONFLICT (tenant_id, device_id) DO UPDATE
    -- What is in the future was dated by a wrong clock.
    SET seen_at = CASE WHEN s.seen_at > now() + interval '1 hour' THEN excluded.seen_at
                       ELSE greatest(s.seen_at, excluded.seen_at) END,
        next_wake_at = excluded.next_wake_at, report = excluded.report,
        report_at = excluded.report_at, clock_boot = excluded.clock_boot,
        clock_offset = excluded.clock_offset
    WHERE s.report_at IS NULL OR s.report_at <= excluded.report_at
       OR s.report_at > now() + interval '1 hour'
    RETURNING device_id)
INSERT INTO dormouse.report_daily AS r (tenant_id, device_id, day, reports, battery_first,
    battery_last, battery_low, rssi_total, rssi_count, awake_total, awake_count, awake_high,
    heap_low, watchdogs, watchdog_at, powers, power_at)
SELECT tenant_id, id, (at AT TIME ZONE 'UTC')::date, 1, battery, battery, battery,
    coalesce(rssi, 0), num_nonnulls(rssi), coalesce(awake, 0), num_nonnulls(awake), awake, heap,
    (reset = 'watchdog')::int, CASE WHEN reset = 'watchdog' THEN at END,
    (reset = 'power')::int, CASE WHEN reset = 'power' THEN at END
FROM said WHERE id IN (SELECT device_id FROM kept) ORDER BY id
ON CONFLICT (tenant_id, device_id, day) DO UPDATE
SET reports = r.reports + 1,
    battery_first = coalesce(r.battery_first, excluded.battery_first),
    battery_last = coalesce(excluded.battery_last, r.battery_last),
    battery_low = least(r.battery_low, excluded.battery_low),
    rssi_total = r.rssi_total + excluded.rssi_total,
    rssi_count = r.rssi_count + excluded.rssi_count,
    awake_total = r.awake_total + excluded.awake_total,
    awake_count = r.awake_count + excluded.awake_count,
    awake_high = greatest(r.awake_high, excluded.awake_high),
    heap_low = least(r.heap_low, excluded.heap_low),
    watchdogs = r.watchdogs + excluded.watchdogs,
    watchdog_at = coalesce(excluded.watchdog_at, r.watchdog_at),
    powers = r.powers + excluded.powers,
    power_at = coalesce(excluded.power_at, r.power_at);

-- last_report --
SELECT s.report FROM dormouse.device_state s JOIN dormouse.device d ON d.id = s.device_id
WHERE d.key = %(device)s AND s.report IS NOT NULL;

-- keep_firmwares --
-- What a device runs is a fact with a history: see dormouse.tick.
UPDATE dormouse.device AS d SET firmware = r.firmware
FROM unnest(%(devices)s::text[], %(ats)s::timestamptz[], %(firmwares)s::text[])
    AS r(key, at, firmware)
WHERE d.key = r.key AND r.firmware <> '' AND d.firmware IS DISTINCT FROM r.firmware
  AND EXISTS (SELECT FROM dormouse.device_state s
              WHERE s.device_id = d.id AND s.report_at = r.at);

-- keep_losses --
INSERT INTO dormouse.delivery AS d (tenant_id, device_id, boot, lost)
SELECT v.tenant_id, v.id, w.boot, max(w.lost)
FROM unnest(%(devices)s::text[], %(boots)s::text[], %(lost)s::int4[]) AS w(device, boot, lost)
JOIN dormouse.device v ON v.key = w.device
GROUP BY 1, 2, 3 ORDER BY 2, 3
ON CONFLICT (tenant_id, device_id, boot) DO UPDATE SET lost = greatest(d.lost, excluded.lost)
WHERE d.lost < excluded.lost;

-- forget_boots --
SELECT dormouse.forget_boots(
    ARRAY(SELECT id FROM dormouse.device WHERE key = ANY (%(devices)s)));

-- received --
SELECT v.key, d.boot,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(lower(r), upper(r) - 1) ORDER BY r), '[]')
        FROM (SELECT r FROM unnest(d.seqs) AS r ORDER BY r LIMIT %s) AS r)
FROM unnest(%s::text[], %s::text[]) AS wanted(device, boot)
JOIN dormouse.device v ON v.key = wanted.device
JOIN dormouse.delivery d ON d.device_id = v.id AND d.boot = wanted.boot;

-- gaps --
SELECT v.key, d.boot, coalesce(upper(d.seqs) - 1, 0) AS last,
       (SELECT coalesce(sum(upper(r) - lower(r)), 0)::int FROM unnest(d.seqs) AS r) AS held,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(lower(r), upper(r) - 1) ORDER BY r), '[]')
        FROM unnest(int4multirange(int4range(1, greatest(upper(d.seqs), 1))) - d.seqs) AS r),
       d.lost
FROM dormouse.delivery d JOIN dormouse.device v ON v.id = d.device_id
WHERE %(device)s::text IS NULL OR v.key = %(device)s
ORDER BY v.key, d.first_at, d.boot;

-- hold_attributes --
-- The row is made where there is none, and held before the device's own, as intake does.
INSERT INTO dormouse.device_state AS s (tenant_id, device_id)
SELECT tenant_id, id FROM dormouse.device WHERE key = %(device)s
ON CONFLICT (tenant_id, device_id) DO UPDATE SET report = s.report
RETURNING attributes - 'replacements';

-- set_attributes --
UPDATE dormouse.device_state AS s
SET attributes = %(values)s::jsonb || CASE WHEN s.attributes ? 'replacements'
    THEN jsonb_build_object('replacements', s.attributes -> 'replacements') ELSE '{}' END
FROM dormouse.device d WHERE d.key = %(device)s AND s.device_id = d.id;

-- begin_activity --
WITH made AS (INSERT INTO dormouse.activity (who, why) VALUES (%s, %s) RETURNING id)
SELECT set_config('dormouse.activity', id::text, true) FROM made;

-- set_name --
UPDATE dormouse.device SET name = %(value)s
WHERE key = %(device)s AND name IS DISTINCT FROM %(value)s;

-- set_place --
UPDATE dormouse.device SET location_id = %(value)s
WHERE key = %(device)s AND location_id IS DISTINCT FROM %(value)s;

-- hold_device_told --
-- Who has the id; where nobody has, or who has it was not there yet at the instant, who had it then.
-- `ended` is when another took its place, null for who has the id.
WITH told AS (
    SELECT n.id AS present, dormouse.device_called(%(device)s, %(at)s) AS past,
           EXISTS (SELECT FROM dormouse.tick t WHERE t.tenant_id = n.tenant_id
                   AND t.device_id = n.id AND t.at <= %(at)s) AS was_there,
           (SELECT h.device_id FROM dormouse.device_key_history h
            JOIN dormouse.tick t ON t.tenant_id = h.tenant_id AND t.device_id = h.device_id
                AND t.tick = 1
            WHERE h.value = %(device)s AND lower(h.ticks) = 1 AND t.at > %(at)s
            ORDER BY t.at LIMIT 1) AS first
    FROM (VALUES (1)) AS one LEFT JOIN dormouse.device n ON n.key = %(device)s
)
SELECT d.id, d.key, CASE WHEN d.key <> %(device)s THEN (
           SELECT t.at FROM dormouse.device_key_history h
           JOIN dormouse.tick t ON t.tenant_id = h.tenant_id AND t.device_id = h.device_id
               AND t.tick = upper(h.ticks)
           WHERE h.device_id = d.id AND h.value = %(device)s AND t.at > %(at)s
           ORDER BY t.at LIMIT 1) END AS ended
FROM told JOIN dormouse.device d
    ON d.id = CASE WHEN told.present IS NULL THEN coalesce(told.past, told.first)
                   WHEN told.was_there THEN told.present
                   ELSE coalesce(told.past, told.present) END
FOR UPDATE OF d;

-- stays_of_device --
SELECT location_id, lower(during), upper(during) FROM dormouse.placement
WHERE device_id = %s ORDER BY during;

-- stays_by_id --
-- All of who has the id, and of who had it before that was there while they had it.
WITH called AS (
    SELECT id, tstzrange(NULL, NULL) AS time FROM dormouse.device WHERE key = %(device)s
    UNION ALL
    SELECT h.device_id, tstzrange(CASE WHEN lower(h.ticks) > 1 THEN b.at END, e.at)
    FROM dormouse.device_key_history h
    JOIN dormouse.tick b ON b.tenant_id = h.tenant_id AND b.device_id = h.device_id
        AND b.tick = lower(h.ticks)
    JOIN dormouse.tick e ON e.tenant_id = h.tenant_id AND e.device_id = h.device_id
        AND e.tick = upper(h.ticks)
    WHERE h.value = %(device)s AND NOT EXISTS (
        SELECT FROM dormouse.device n
        JOIN dormouse.tick f ON f.tenant_id = n.tenant_id AND f.device_id = n.id AND f.tick = 1
        WHERE n.key = %(device)s AND f.at < e.at)
)
SELECT location_id, lower(p.during * c.time), upper(p.during * c.time)
FROM called c JOIN dormouse.placement p ON p.device_id = c.id AND p.during && c.time
ORDER BY 2;

-- series_by_place --
SELECT DISTINCT p.location_id, d.key, s.service, s.index, s.characteristic
FROM dormouse.placement p
JOIN dormouse.device d ON d.tenant_id = p.tenant_id AND d.id = p.device_id
JOIN dormouse.series s ON s.tenant_id = d.tenant_id AND s.device_id = d.id;

-- move_device_now --
UPDATE dormouse.device SET location_id = %(place)s
WHERE id = %(device)s AND location_id IS DISTINCT FROM %(place)s;

-- forget_stays --
DELETE FROM dormouse.placement WHERE device_id = %(device)s;

-- keep_stays --
INSERT INTO dormouse.placement (device_id, location_id, during)
SELECT %(device)s, * FROM unnest(%(places)s::int[], %(during)s::tstzrange[]);

-- paths_of_places --
WITH RECURSIVE down AS (
    SELECT id, ARRAY[name] AS path FROM dormouse.place WHERE parent_id IS NULL
    UNION ALL
    SELECT p.id, down.path || p.name FROM dormouse.place p JOIN down ON p.parent_id = down.id
)
SELECT id, path FROM down;

-- places_of_devices --
WITH RECURSIVE down AS (
    SELECT id, ARRAY[name] AS path FROM dormouse.place WHERE parent_id IS NULL
    UNION ALL
    SELECT p.id, down.path || p.name FROM dormouse.place p JOIN down ON p.parent_id = down.id
)
SELECT d.key, down.path FROM dormouse.device d JOIN down ON down.id = d.location_id;

-- find_device --
SELECT FROM dormouse.device WHERE key = %(device)s;

-- path_form --
-- A path that is a predicate ($.battery_mv < 2700) answers true or false for any document, one
-- that selects ($.sensors[*] ? (@.mv < 2700)) answers with what it finds. Both forms use the
-- index.
SELECT jsonb_typeof(jsonb_path_query_first('{}', %s::jsonpath, '{}', true));

-- devices_where --
SELECT d.key FROM dormouse.devices_where(%s::jsonpath, %s) AS m(id)
JOIN dormouse.device d USING (id) ORDER BY d.key;

-- set_time_limit --
SELECT set_config('statement_timeout', %s, true);

-- path_error --
SELECT message, place FROM dormouse.jsonpath_error(%s);

-- places_at_a_glance --
SELECT id, parent_id, name FROM dormouse.place ORDER BY name, id;

-- devices_at_a_glance --
SELECT d.key AS device, d.name, d.location_id AS place,
       greatest(s.seen_at, l.at) AS seen_at, s.next_wake_at, coalesce(s.report, '{}') AS report,
       coalesce(d.attributes, '{}') AS attributes
FROM dormouse.device d
LEFT JOIN dormouse.device_state s ON s.tenant_id = d.tenant_id AND s.device_id = d.id
LEFT JOIN (
    SELECT r.device_id, max(n.at) AS at FROM dormouse.latest n
    JOIN dormouse.series r ON r.tenant_id = n.tenant_id AND r.id = n.series_id GROUP BY 1
) AS l ON l.device_id = d.id
WHERE %(device)s::text IS NULL OR d.key = %(device)s
ORDER BY d.key;

-- device_at --
-- By the id that the device had then.
SELECT %(device)s::text AS device, t.at AS since, t.name, t.location_id AS place, (
           WITH RECURSIVE up AS (
               SELECT id, parent_id, name, 0 AS depth FROM dormouse.place WHERE id = t.location_id
               UNION ALL
               SELECT p.id, p.parent_id, p.name, up.depth + 1
               FROM dormouse.place p JOIN up ON p.id = up.parent_id)
           SELECT coalesce(array_agg(name ORDER BY depth DESC), '{}') FROM up) AS place_path,
       t.interval_s, t.owner, t.firmware, coalesce(t.calibration, '[]') AS calibration,
       coalesce(t.attributes, '{}') AS attributes,
       (SELECT key FROM dormouse.device WHERE id = t.id) AS id_now
FROM dormouse.device_as_of(%(at)s, dormouse.device_called(%(device)s, %(at)s)) t
WHERE dormouse.device_called(%(device)s, %(at)s) IS NOT NULL;

-- replaced_at --
-- Who took a device's place, and when.
SELECT a.value, t.at FROM dormouse.device_key_history h
JOIN dormouse.tick t ON t.tenant_id = h.tenant_id AND t.device_id = h.device_id
    AND t.tick = upper(h.ticks)
JOIN dormouse.device_key_history a ON a.tenant_id = h.tenant_id AND a.device_id = h.device_id
    AND lower(a.ticks) = t.tick
WHERE h.value = %(device)s AND t.at <= %(at)s ORDER BY t.at DESC LIMIT 1;

-- changes_of_device --
-- Of the device that has the id now all; where none has it, of those that had, until they had not.
WITH called AS (
    SELECT id, '[1,)'::int4range AS ticks FROM dormouse.device WHERE key = %(device)s
    UNION ALL
    SELECT h.device_id, int4range(lower(h.ticks), upper(h.ticks), '[]')
    FROM dormouse.device_key_history h
    WHERE h.value = %(device)s AND NOT upper_inf(h.ticks)
      AND NOT EXISTS (SELECT FROM dormouse.device WHERE key = %(device)s)
)
SELECT c.at, CASE c.property WHEN 'location' THEN 'place' ELSE c.property END AS property,
       c.before, c.after, c.who, c.why
FROM called,
     dormouse.device_changes(called.id, coalesce(%(since)s::timestamptz, '-infinity'),
                             coalesce(%(until)s::timestamptz, 'infinity')) c
WHERE c.tick <@ called.ticks
ORDER BY c.at DESC, c.property LIMIT %(most)s;

-- former_devices --
SELECT DISTINCT value FROM dormouse.device_key_history WHERE NOT upper_inf(ticks);

-- known_devices --
SELECT key FROM dormouse.device
UNION SELECT device FROM dormouse.account WHERE device NOT LIKE 'viewer%' ORDER BY 1;

-- overview_of_devices --
SELECT d.key AS device,
       greatest(s.seen_at, (SELECT max(l.at) FROM dormouse.latest l
                            JOIN dormouse.series r ON r.id = l.series_id
                            WHERE r.device_id = d.id)) AS seen_at,
       s.next_wake_at, s.report, s.report_at, coalesce(s.attributes, '{}') AS attributes
FROM dormouse.device d LEFT JOIN dormouse.device_state s ON s.device_id = d.id
WHERE %(keys)s::text[] IS NULL OR d.key = ANY(%(keys)s)
ORDER BY d.key;

-- latest_values --
SELECT d.key, s.service, s.index, s.characteristic, s.kind, l.raw, l.value, l.text, l.at
FROM dormouse.newest l
JOIN dormouse.series s ON s.tenant_id = l.tenant_id AND s.id = l.series_id
JOIN dormouse.device d ON d.id = s.device_id
WHERE %(keys)s::text[] IS NULL OR d.key = ANY(%(keys)s)
ORDER BY d.key, s.service, s.index, s.characteristic;

-- hold_device_number --
SELECT id FROM dormouse.device WHERE key = %s FOR UPDATE;

-- rename_device --
UPDATE dormouse.device SET key = %s WHERE id = %s;

-- take_deliveries --
-- What the successor has delivered already must not be stored again under its new number.
UPDATE dormouse.delivery SET device_id = %s WHERE device_id = %s;

-- note_replacement --
INSERT INTO dormouse.device_state AS s (tenant_id, device_id, attributes)
SELECT tenant_id, id, %(note)s FROM dormouse.device WHERE id = %(id)s
ON CONFLICT (tenant_id, device_id) DO UPDATE
SET attributes = s.attributes || jsonb_build_object('replacements',
    coalesce(s.attributes -> 'replacements', '[]') || (%(note)s::jsonb -> 'replacements'));

-- set_apart --
-- It is nowhere any more: its readings until now are of where it was.
UPDATE dormouse.device SET key = %s, location_id = NULL WHERE id = %s;

-- calibrated_now --
SELECT s.service || CASE WHEN s.index > 0 THEN '/' || s.index ELSE '' END || '/' || s.characteristic
FROM dormouse.calibration c
JOIN dormouse.series s ON s.tenant_id = c.tenant_id AND s.id = c.series_id
WHERE s.device_id = %(device)s AND c.during @> %(now)s AND (c.gain, c.offset_by) <> (1, 0)
ORDER BY 1;

-- forget_later_calibrations --
DELETE FROM dormouse.calibration
WHERE lower(during) >= %(now)s
  AND series_id IN (SELECT id FROM dormouse.series WHERE device_id = %(device)s);

-- end_calibrations --
UPDATE dormouse.calibration SET during = during * tstzrange(NULL, %(now)s)
WHERE during @> %(now)s
  AND series_id IN (SELECT id FROM dormouse.series WHERE device_id = %(device)s);

-- make_successors_series --
INSERT INTO dormouse.series (tenant_id, device_id, service, index, characteristic, kind)
SELECT s.tenant_id, %(device)s, s.service, s.index, s.characteristic, s.kind
FROM dormouse.series s
WHERE s.device_id = %(successor)s AND EXISTS (
    SELECT FROM dormouse.calibration c
    WHERE c.tenant_id = s.tenant_id AND c.series_id = s.id AND upper(c.during) > %(now)s
       OR c.tenant_id = s.tenant_id AND c.series_id = s.id AND upper_inf(c.during))
ON CONFLICT (tenant_id, device_id, service, index, characteristic) DO NOTHING;

-- take_calibrations --
INSERT INTO dormouse.calibration (series_id, during, gain, offset_by)
SELECT mine.id, c.during * tstzrange(%(now)s, NULL), c.gain, c.offset_by
FROM dormouse.calibration c
JOIN dormouse.series its ON its.tenant_id = c.tenant_id AND its.id = c.series_id
JOIN dormouse.series mine ON mine.tenant_id = its.tenant_id AND mine.device_id = %(device)s
    AND (mine.service, mine.index, mine.characteristic)
      = (its.service, its.index, its.characteristic)
WHERE its.device_id = %(successor)s AND c.during && tstzrange(%(now)s, NULL);
