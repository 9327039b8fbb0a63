-- Rollouts: every step is one transaction, with its line of history.

-- ensure_devices --
INSERT INTO dormouse.device (tenant_id, key)
SELECT dormouse.current_tenant(), wanted.key FROM unnest(%(devices)s::text[]) AS wanted(key)
WHERE NOT EXISTS (SELECT FROM dormouse.device d WHERE d.key = wanted.key)
ON CONFLICT (tenant_id, key) DO NOTHING;

-- gaps --
SELECT d.key, sum(greatest(0,
    greatest(coalesce(upper(v.seqs), 1) - 1, 0)
    - (SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(v.seqs) AS r) - v.lost))::bigint
FROM dormouse.delivery v JOIN dormouse.device d ON d.id = v.device_id
WHERE d.key = ANY(%(devices)s) GROUP BY d.key;

-- starts --
SELECT d.key, s.report, s.report_at,
       (SELECT max(r.command) FROM dormouse.rollout_device r
        JOIN dormouse.rollout o ON o.id = r.rollout_id
        WHERE r.device_id = d.id AND o.kind = 'firmware') AS command,
       (SELECT (sum(y.awake_total) / nullif(sum(y.awake_count), 0))::int
        FROM dormouse.report_daily y
        WHERE y.device_id = d.id AND y.day > current_date - 7) AS awake_ms
FROM dormouse.device d LEFT JOIN dormouse.device_state s ON s.device_id = d.id
WHERE d.key = ANY(%(devices)s);

-- add_rollout --
INSERT INTO dormouse.rollout (kind, target, options, image_id, phase, created_by, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id;

-- add_devices --
INSERT INTO dormouse.rollout_device
    (rollout_id, device_id, wave, state, attempts, command, reason, since, not_before, owed,
     health, health_reason, baseline, detail)
SELECT %(rollout)s, d.id, r.wave, r.state, r.attempts, r.command, r.reason, r.since, r.not_before,
       r.owed, r.health, r.health_reason, r.baseline, r.detail
FROM jsonb_to_recordset(%(devices)s) AS r(device text, wave int, state text, attempts int,
    command bigint, reason text, since timestamptz, not_before timestamptz, owed boolean,
    health text, health_reason text, baseline jsonb, detail jsonb)
JOIN dormouse.device d ON d.key = r.device;

-- change_devices --
UPDATE dormouse.rollout_device AS t
SET wave = r.wave, state = r.state, attempts = r.attempts, command = r.command,
    reason = r.reason, since = r.since, not_before = r.not_before, owed = r.owed,
    health = r.health, health_reason = r.health_reason, baseline = r.baseline, detail = r.detail
FROM jsonb_to_recordset(%(devices)s) AS r(device text, wave int, state text, attempts int,
    command bigint, reason text, since timestamptz, not_before timestamptz, owed boolean,
    health text, health_reason text, baseline jsonb, detail jsonb)
JOIN dormouse.device d ON d.key = r.device
WHERE t.rollout_id = %(rollout)s AND t.device_id = d.id;

-- add_events --
INSERT INTO dormouse.rollout_event
    (rollout_id, device_id, at, what, before, after, reason, command)
SELECT %(rollout)s, d.id, r.at, r.what, r.before, r.after, r.reason, r.command
FROM ROWS FROM (jsonb_to_recordset(%(events)s) AS (device text, at timestamptz, what text,
    before text, after text, reason text, command bigint)) WITH ORDINALITY
    AS r(device, at, what, before, after, reason, command, n)
LEFT JOIN dormouse.device d ON d.key = r.device
ORDER BY r.n;

-- change_rollout --
UPDATE dormouse.rollout
SET phase = %(phase)s, reason = %(reason)s, wave = %(wave)s, forgiven = %(forgiven)s,
    revision = revision + 1, last_step = %(step)s, changed_at = clock_timestamp(),
    target = CASE WHEN %(over)s THEN %(target)s ELSE target END
WHERE id = %(rollout)s AND revision = %(revision)s;

-- last_step --
SELECT revision, last_step FROM dormouse.rollout WHERE id = %s;

-- rollouts --
SELECT id, target, options, phase, reason, wave, forgiven, revision, created_by, created_at
FROM dormouse.rollout
WHERE (%(id)s::int IS NULL OR id = %(id)s)
  AND (NOT %(open)s OR phase NOT IN ('aborted', 'done'))
ORDER BY id DESC LIMIT %(limit)s;

-- devices_of_rollouts --
SELECT r.rollout_id, d.key AS device, r.wave, r.state, r.attempts, r.command, r.reason, r.since,
       r.not_before, r.owed, r.health, r.health_reason,
       CASE WHEN %(whole)s THEN r.baseline ELSE '{}' END AS baseline, r.detail
FROM dormouse.rollout_device r JOIN dormouse.device d ON d.id = r.device_id
WHERE r.rollout_id = ANY(%(rollouts)s) ORDER BY r.rollout_id, r.wave, d.key;

-- busy_devices --
SELECT d.key, r.rollout_id FROM dormouse.rollout_device r
JOIN dormouse.device d ON d.id = r.device_id
WHERE d.key = ANY(%s) AND r.state NOT IN ('updated', 'failed', 'skipped') ORDER BY d.key;

-- stranded_devices --
-- They may sit in their OTA servers still. After a month somebody has taken the device away.
SELECT DISTINCT d.key FROM dormouse.rollout_device r JOIN dormouse.device d ON d.id = r.device_id
LEFT JOIN dormouse.device_state s ON s.device_id = d.id
WHERE r.state = 'failed' AND (r.detail ->> 'stranded')::boolean
  AND r.since > now() - interval '30 days' AND (s.seen_at IS NULL OR s.seen_at < r.since);

-- pending_clear --
-- What was owed to the broker when the hub ended, and is not in another rollout's hands by now.
SELECT d.key, r.rollout_id FROM dormouse.rollout_device r
JOIN dormouse.device d ON d.id = r.device_id
WHERE r.owed AND NOT EXISTS (
    SELECT FROM dormouse.rollout_device o
    WHERE o.device_id = r.device_id AND o.state NOT IN ('updated', 'failed', 'skipped'));

-- cleared --
UPDATE dormouse.rollout_device AS r SET owed = false FROM dormouse.device d
WHERE d.id = r.device_id AND d.key = ANY(%s) AND r.owed;

-- events --
SELECT e.id, e.at, e.what, d.key AS device, e.before, e.after, e.reason, e.command
FROM dormouse.rollout_event e LEFT JOIN dormouse.device d ON d.id = e.device_id
WHERE e.rollout_id = %(rollout)s AND e.id > %(since)s
  AND (%(device)s::text IS NULL OR d.key = %(device)s)
ORDER BY e.id LIMIT %(limit)s;

-- devices_with_firmware --
-- Devices of ours: only those report a firmware.
SELECT d.key FROM dormouse.device d JOIN dormouse.device_state s ON s.device_id = d.id
WHERE s.report ->> 'firmware' IS NOT NULL ORDER BY d.key;

-- paths_of_places --
WITH RECURSIVE below AS (
    SELECT id, name, name AS path FROM dormouse.place WHERE parent_id IS NULL
    UNION ALL
    SELECT p.id, p.name, b.path || '/' || p.name FROM dormouse.place p
    JOIN below b ON p.parent_id = b.id)
SELECT id, name, path FROM below ORDER BY path;

-- devices_within --
WITH RECURSIVE below AS (
    SELECT id FROM dormouse.place WHERE id = %s
    UNION ALL SELECT p.id FROM dormouse.place p JOIN below b ON p.parent_id = b.id)
SELECT d.key FROM dormouse.device d JOIN below b ON b.id = d.location_id
JOIN dormouse.device_state s ON s.device_id = d.id
WHERE s.report ->> 'firmware' IS NOT NULL ORDER BY d.key;
