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

-- keep_report --
-- A report that is not the newest adds nothing to its day either: it would be in the wrong order.
WITH kept AS (
    INSERT INTO dormouse.device_state AS s
        (tenant_id, device_id, seen_at, next_wake_at, report, report_at)
    SELECT tenant_id, id, %(at)s, %(at)s + %(next_wake)s * interval '1 second', %(report)s, %(at)s
    FROM dormouse.device WHERE key = %(device)s
    ON CONFLICT (tenant_id, device_id) DO UPDATE
    SET seen_at = greatest(s.seen_at, excluded.seen_at), next_wake_at = excluded.next_wake_at,
        report = excluded.report, report_at = excluded.report_at
    WHERE s.report_at IS NULL OR s.report_at <= excluded.report_at
    RETURNING tenant_id, device_id)
INSERT INTO dormouse.report_daily AS r (tenant_id, device_id, day, reports, battery_first,
    battery_last, battery_low, rssi_total, rssi_count, awake_total, awake_count, awake_high,
    heap_low, watchdogs, watchdog_at, powers, power_at)
SELECT tenant_id, device_id, (%(at)s::timestamptz AT TIME ZONE 'UTC')::date, 1, %(battery)s,
    %(battery)s, %(battery)s, coalesce(%(rssi)s, 0), num_nonnulls(%(rssi)s::int),
    coalesce(%(awake)s, 0), num_nonnulls(%(awake)s::int), %(awake)s, %(heap)s,
    (%(reset)s = 'watchdog')::int, CASE WHEN %(reset)s = 'watchdog' THEN %(at)s::timestamptz END,
    (%(reset)s = 'power')::int, CASE WHEN %(reset)s = 'power' THEN %(at)s::timestamptz END
FROM kept
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

-- keep_firmware --
-- What a device runs is a fact with a history: see dormouse.tick.
UPDATE dormouse.device SET firmware = %(firmware)s
WHERE key = %(device)s AND firmware IS DISTINCT FROM %(firmware)s
  AND EXISTS (SELECT FROM dormouse.device_state s
              WHERE s.device_id = device.id AND s.report_at = %(at)s);

-- keep_lost --
INSERT INTO dormouse.delivery AS d (tenant_id, device_id, boot, lost)
SELECT tenant_id, id, %(boot)s, %(lost)s FROM dormouse.device WHERE key = %(device)s
ON CONFLICT (tenant_id, device_id, boot) DO UPDATE SET lost = greatest(d.lost, excluded.lost)
WHERE d.lost < excluded.lost;

-- gaps --
SELECT v.key, d.boot, coalesce(upper(d.seqs) - 1, 0) AS last,
       (SELECT coalesce(sum(upper(r) - lower(r)), 0)::int FROM unnest(d.seqs) AS r) AS held,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(lower(r), upper(r) - 1) ORDER BY r), '[]')
        FROM unnest(int4multirange(int4range(1, greatest(upper(d.seqs), 1))) - d.seqs) AS r),
       d.lost
FROM dormouse.delivery d JOIN dormouse.device v ON v.id = d.device_id
WHERE %(device)s::text IS NULL OR v.key = %(device)s
ORDER BY v.key, d.first_at, d.boot;

-- merge_attributes --
INSERT INTO dormouse.device_state AS s (tenant_id, device_id, attributes)
SELECT tenant_id, id, jsonb_strip_nulls(%(values)s::jsonb)
FROM dormouse.device WHERE key = %(device)s
ON CONFLICT (tenant_id, device_id) DO UPDATE
SET attributes = jsonb_strip_nulls(s.attributes || %(values)s::jsonb);

-- begin_activity --
WITH made AS (INSERT INTO dormouse.activity (who, why) VALUES (%s, %s) RETURNING id)
SELECT set_config('dormouse.activity', id::text, true) FROM made;

-- set_name --
UPDATE dormouse.device SET name = %(value)s
WHERE key = %(device)s AND name IS DISTINCT FROM %(value)s;

-- set_place --
UPDATE dormouse.device SET location_id = %(value)s
WHERE key = %(device)s AND location_id IS DISTINCT FROM %(value)s;

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
       greatest(s.seen_at, l.at) AS seen_at, s.next_wake_at, coalesce(s.report, '{}') AS report
FROM dormouse.device d
LEFT JOIN dormouse.device_state s ON s.tenant_id = d.tenant_id AND s.device_id = d.id
LEFT JOIN (
    SELECT r.device_id, max(n.at) AS at FROM dormouse.latest n
    JOIN dormouse.series r ON r.tenant_id = n.tenant_id AND r.id = n.series_id GROUP BY 1
) AS l ON l.device_id = d.id
WHERE %(device)s::text IS NULL OR d.key = %(device)s
ORDER BY d.key;

-- values_at_a_glance --
SELECT d.key, s.service, s.index, s.characteristic, s.kind, l.value, l.text, l.at,
       coalesce(c.gain, 1), coalesce(c.offset_by, 0)
FROM dormouse.latest l
JOIN dormouse.series s ON s.tenant_id = l.tenant_id AND s.id = l.series_id
JOIN dormouse.device d ON d.tenant_id = s.tenant_id AND d.id = s.device_id
LEFT JOIN dormouse.calibration c
    ON c.tenant_id = s.tenant_id AND c.series_id = s.id AND c.during @> now()
WHERE %(device)s::text IS NULL OR d.key = %(device)s
ORDER BY d.key, s.service, s.index, s.characteristic;

-- device_at --
SELECT d.key AS device, t.at AS since, t.name, t.location_id AS place, (
           WITH RECURSIVE up AS (
               SELECT id, parent_id, name, 0 AS depth FROM dormouse.place WHERE id = t.location_id
               UNION ALL
               SELECT p.id, p.parent_id, p.name, up.depth + 1
               FROM dormouse.place p JOIN up ON p.id = up.parent_id)
           SELECT coalesce(array_agg(name ORDER BY depth DESC), '{}') FROM up) AS place_path,
       t.interval_s, t.owner, t.firmware, coalesce(t.calibration, '[]') AS calibration
FROM dormouse.device d, dormouse.device_as_of(%(at)s, d.id) t
WHERE d.key = %(device)s;

-- changes_of_device --
SELECT c.at, CASE c.property WHEN 'location' THEN 'place' ELSE c.property END AS property,
       c.before, c.after, c.who, c.why
FROM dormouse.device d,
     dormouse.device_changes(d.id, coalesce(%(since)s::timestamptz, '-infinity'),
                             coalesce(%(until)s::timestamptz, 'infinity')) c
WHERE d.key = %(device)s ORDER BY c.at DESC, c.property LIMIT %(most)s;

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
SELECT d.key, s.service, s.index, s.characteristic, s.kind, l.value, l.text, l.at
FROM dormouse.latest l
JOIN dormouse.series s ON s.id = l.series_id
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

-- add_activity --
INSERT INTO dormouse.activity (tenant_id, who, why)
VALUES (dormouse.current_tenant(), %s, %s);
