-- Facts about devices, for one or for all.

-- devices --
SELECT coalesce(d.key, a.device) AS device, d.name, p.name AS place, d.created_at,
       a.state AS account, a.created_at AS account_at, a.changed_at AS account_changed_at,
       s.seen_at, s.next_wake_at, coalesce(s.report, '{}') AS report, s.report_at,
       coalesce(s.attributes, '{}') AS attributes
FROM dormouse.device d
LEFT JOIN dormouse.device_state s ON s.device_id = d.id
LEFT JOIN dormouse.place p ON p.id = d.location_id
FULL JOIN (SELECT * FROM dormouse.account WHERE device !~ '^viewer([.]|$)') a ON a.device = d.key
WHERE %(keys)s::text[] IS NULL OR d.key = ANY(%(keys)s) OR a.device = ANY(%(keys)s)
ORDER BY 1;

-- newest_readings --
SELECT d.key, max(l.at) AS at,
       min(l.value) FILTER (WHERE r.characteristic = 'BatteryLevel') AS battery_percent,
       bool_or(l.value <> 0) FILTER (WHERE r.characteristic = 'StatusLowBattery') AS battery_low
FROM dormouse.newest l
JOIN dormouse.series r ON r.tenant_id = l.tenant_id AND r.id = l.series_id
JOIN dormouse.device d ON d.tenant_id = l.tenant_id AND d.id = r.device_id
WHERE %(keys)s::text[] IS NULL OR d.key = ANY(%(keys)s)
GROUP BY d.key;

-- days_of_reports --
SELECT d.key, r.day, r.reports, r.battery_first, r.battery_last,
       r.rssi_total::float / nullif(r.rssi_count, 0) AS rssi,
       r.awake_total::float / nullif(r.awake_count, 0) AS awake_ms,
       r.watchdogs, r.watchdog_at, r.powers, r.power_at
FROM dormouse.report_daily r JOIN dormouse.device d ON d.id = r.device_id
WHERE (%(keys)s::text[] IS NULL OR d.key = ANY(%(keys)s)) AND r.day > %(today)s - %(days)s
ORDER BY d.key, r.day;

-- battery_levels --
-- Only of devices whose reports name no voltage, which says more.
SELECT d.key, (x.start AT TIME ZONE 'UTC')::date, x.last
FROM dormouse.device d
JOIN dormouse.series r ON r.tenant_id = d.tenant_id AND r.device_id = d.id
    AND r.characteristic = 'BatteryLevel'
CROSS JOIN LATERAL (
    SELECT x.start, x.last FROM dormouse.daily x
    WHERE x.tenant_id = r.tenant_id AND x.series_id = r.id
      AND x.start > %(now)s - %(days)s * interval '1 day'
) AS x
WHERE (%(keys)s::text[] IS NULL OR d.key = ANY(%(keys)s))
  AND NOT EXISTS (
    SELECT FROM dormouse.report_daily p WHERE p.tenant_id = d.tenant_id AND p.device_id = d.id
      AND p.day > %(today)s - %(days)s AND p.battery_last IS NOT NULL)
ORDER BY d.key, x.start;

-- charges --
SELECT d.key, (x.start AT TIME ZONE 'UTC')::date, x.last
FROM dormouse.device d
JOIN dormouse.series r ON r.tenant_id = d.tenant_id AND r.device_id = d.id
    AND r.characteristic = 'BatteryLevel'
CROSS JOIN LATERAL (
    SELECT x.start, x.last FROM dormouse.daily x
    WHERE x.tenant_id = r.tenant_id AND x.series_id = r.id
      AND x.start > %(now)s - %(charge_days)s * interval '1 day'
) AS x
WHERE %(keys)s::text[] IS NULL OR d.key = ANY(%(keys)s)
ORDER BY d.key, x.start;

-- lost_readings --
SELECT v.key, sum(greatest(coalesce(upper(d.seqs) - 1, 0) - m.held - d.lost, 0))::bigint AS missing,
       sum(d.lost)::bigint AS thinned, sum(m.held)::bigint AS held, min(d.first_at) AS since,
       max(d.last_at) AS at
FROM dormouse.delivery d
JOIN dormouse.device v ON v.id = d.device_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(upper(r) - lower(r)), 0) AS held FROM unnest(d.seqs) AS r
) AS m
WHERE (%(keys)s::text[] IS NULL OR v.key = ANY(%(keys)s))
  AND d.last_at > %(now)s - %(days)s * interval '1 day'
GROUP BY v.key
HAVING sum(d.lost) > 0 OR sum(coalesce(upper(d.seqs) - 1, 0) - m.held - d.lost) > 0;

-- last_rollouts --
SELECT DISTINCT ON (d.key) d.key, r.id,
       CASE r.kind WHEN 'firmware' THEN r.target ->> 'version' END, r.phase, r.reason, r.wave,
       x.wave, x.state, x.attempts, x.reason, x.since, x.not_before, x.health, x.health_reason
FROM dormouse.rollout_device x
JOIN dormouse.rollout r ON r.id = x.rollout_id
JOIN dormouse.device d ON d.id = x.device_id
WHERE %(keys)s::text[] IS NULL OR d.key = ANY(%(keys)s)
ORDER BY d.key, r.id DESC;

-- replacements --
-- The newest: a device may have replaced a replacement.
SELECT r ->> 'old', r ->> 'new', r ->> 'at'
FROM dormouse.device_state s
CROSS JOIN LATERAL jsonb_path_query(s.attributes, '$.replacements[*]') AS r
WHERE %(keys)s::text[] IS NULL OR r ->> 'old' = ANY(%(keys)s)
ORDER BY r ->> 'at';
