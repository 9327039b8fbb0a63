-- Wanted settings of devices, by version.

-- ensure_device --
INSERT INTO dormouse.device (tenant_id, key)
SELECT dormouse.current_tenant(), %(device)s
WHERE NOT EXISTS (SELECT FROM dormouse.device WHERE key = %(device)s)
ON CONFLICT (tenant_id, key) DO NOTHING;

-- hold_device --
-- Whoever changes the wanted settings of a device holds its row, so versions follow each other.
SELECT d.id, d.name, d.interval_s, (s.report ->> 'config')::int AS runs
FROM dormouse.device d LEFT JOIN dormouse.device_state s ON s.device_id = d.id
WHERE d.key = %s FOR UPDATE OF d;

-- latest_versions --
SELECT DISTINCT ON (found.device) * FROM (
SELECT d.key AS device, c.version, c.settings, c.secrets, c.who, c.why, c.at, c.reported_at,
       c.problem, (s.report ->> 'config')::int AS runs
FROM dormouse.device_config c JOIN dormouse.device d ON d.id = c.device_id
LEFT JOIN dormouse.device_state s ON s.device_id = d.id) AS found
WHERE %(device)s::text IS NULL OR found.device = %(device)s
ORDER BY found.device, found.version DESC;

-- versions_of_device --
SELECT d.key AS device, c.version, c.settings, c.secrets, c.who, c.why, c.at, c.reported_at,
       c.problem, (s.report ->> 'config')::int AS runs
FROM dormouse.device_config c JOIN dormouse.device d ON d.id = c.device_id
LEFT JOIN dormouse.device_state s ON s.device_id = d.id WHERE d.key = %s ORDER BY c.version DESC;

-- add_version --
INSERT INTO dormouse.device_config (tenant_id, device_id, version, settings, secrets, who, why)
VALUES (dormouse.current_tenant(), %s, %s, %s, %s, %s, %s);

-- forget_superseded_secrets --
UPDATE dormouse.device_config SET secrets = NULL
WHERE device_id = %s AND version < %s AND secrets IS NOT NULL;

-- version_reported --
-- Of two reports that come together the one without a problem takes nothing back.
UPDATE dormouse.device_config AS c
SET reported_at = coalesce(c.reported_at, %(at)s), problem = coalesce(%(problem)s, c.problem), secrets = NULL
FROM dormouse.device d
WHERE d.id = c.device_id AND d.key = %(device)s AND c.version = %(version)s
  AND (c.reported_at IS NULL OR c.problem IS NULL);

-- begin_activity --
-- What the device row's triggers write down belongs to this activity.
WITH made AS (
    INSERT INTO dormouse.activity (tenant_id, who, why)
    VALUES (dormouse.current_tenant(), %s, %s) RETURNING id)
SELECT set_config('dormouse.activity', made.id::text, true) FROM made;

-- end_activity --
SELECT set_config('dormouse.activity', '', true);

-- set_name_and_interval --
UPDATE dormouse.device SET name = %s, interval_s = %s WHERE id = %s;
