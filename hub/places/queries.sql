-- Places as a tree, and devices in them.

-- tree --
-- The places of the tenant as nested JSON, in one query: first every place's depth, from the roots
-- down, then the branches, from the deepest level up. `branches` holds the lists of children that
-- are done, by their parent's id; the roots' list is under "0".
WITH RECURSIVE deep AS (
    SELECT id, parent_id, name, zone, 0 AS depth FROM dormouse.place WHERE parent_id IS NULL
    UNION ALL
    SELECT p.id, p.parent_id, p.name, p.zone, deep.depth + 1
    FROM dormouse.place p JOIN deep ON p.parent_id = deep.id
),
here AS (
    SELECT d.location_id, jsonb_agg(jsonb_build_object(
               'device', d.key, 'name', d.name, 'values', v.latest) ORDER BY d.key) AS devices
    FROM dormouse.device d
    LEFT JOIN LATERAL (
        SELECT jsonb_object_agg(
                   s.service || CASE WHEN s.index > 0 THEN '/' || s.index ELSE '' END
                   || '/' || s.characteristic,
                   jsonb_build_object('value', CASE s.kind
                       WHEN 'bool' THEN to_jsonb(l.value <> 0)
                       WHEN 'string' THEN to_jsonb(l.text) ELSE to_jsonb(l.value) END,
                       'raw', CASE s.kind
                       WHEN 'bool' THEN to_jsonb(l.raw <> 0)
                       WHEN 'string' THEN to_jsonb(l.text) ELSE to_jsonb(l.raw) END,
                       'at', l.at)) AS latest
        FROM dormouse.series s
        JOIN dormouse.newest l ON l.tenant_id = s.tenant_id AND l.series_id = s.id
        WHERE s.tenant_id = d.tenant_id AND s.device_id = d.id
    ) AS v ON true
    WHERE %(values)s AND d.location_id IS NOT NULL
    GROUP BY d.location_id
),
up AS (
    SELECT coalesce(max(depth), -1) + 1 AS depth, '{}'::jsonb AS branches FROM deep
    UNION ALL
    SELECT up.depth - 1, (
        SELECT jsonb_object_agg(parent, children) FROM (
            SELECT coalesce(d.parent_id, 0) AS parent, jsonb_agg(
                jsonb_build_object('id', d.id, 'name', d.name, 'zone', d.zone,
                                   'children', up.branches -> d.id::text)
                || CASE WHEN %(values)s
                   THEN jsonb_build_object('devices', coalesce(h.devices, '[]')) ELSE '{}' END
                ORDER BY d.name, d.id) AS children
            FROM deep d LEFT JOIN here h ON h.location_id = d.id
            WHERE d.depth = up.depth - 1
            GROUP BY coalesce(d.parent_id, 0)
        ) AS level)
    FROM up WHERE up.depth > 0
)
SELECT coalesce(branches -> '0', '[]') FROM up WHERE depth = 0;

-- was_placed --
SELECT EXISTS (
    SELECT FROM dormouse.device d
    WHERE d.key = %s AND (d.location_id IS NOT NULL OR EXISTS (
        SELECT FROM dormouse.placement p WHERE p.tenant_id = d.tenant_id AND p.device_id = d.id)));

-- usage_of_branch --
WITH RECURSIVE branch AS (
    SELECT id FROM dormouse.place WHERE id = %(place)s
    UNION ALL
    SELECT p.id FROM dormouse.place p JOIN branch ON p.parent_id = branch.id
)
SELECT (SELECT count(*) FROM branch) - 1,
       (SELECT array_agg(key ORDER BY key) FROM dormouse.device
        WHERE location_id IN (SELECT id FROM branch)),
       (SELECT count(*) FROM dormouse.placement WHERE location_id IN (SELECT id FROM branch)),
       (SELECT min(lower(during)) FROM dormouse.placement
        WHERE location_id IN (SELECT id FROM branch));

-- leave_branch --
WITH RECURSIVE branch AS (
    SELECT id FROM dormouse.place WHERE id = %(place)s
    UNION ALL
    SELECT p.id FROM dormouse.place p JOIN branch ON p.parent_id = branch.id
)
UPDATE dormouse.device SET location_id = (SELECT parent_id FROM dormouse.place WHERE id = %(place)s)
WHERE location_id IN (SELECT id FROM branch);

-- forget_placements --
WITH RECURSIVE branch AS (
    SELECT id FROM dormouse.place WHERE id = %(place)s
    UNION ALL
    SELECT p.id FROM dormouse.place p JOIN branch ON p.parent_id = branch.id
)
DELETE FROM dormouse.placement WHERE location_id IN (SELECT id FROM branch);

-- remove_branch --
WITH RECURSIVE branch AS (
    SELECT id FROM dormouse.place WHERE id = %(place)s
    UNION ALL
    SELECT p.id FROM dormouse.place p JOIN branch ON p.parent_id = branch.id
)
DELETE FROM dormouse.place WHERE id IN (SELECT id FROM branch);

-- move_place --
UPDATE dormouse.place SET parent_id = %s WHERE id = %s;

-- rename_place --
UPDATE dormouse.place SET name = %s WHERE id = %s;

-- remove_place --
DELETE FROM dormouse.place WHERE %s AND id = %s;

-- find_place --
SELECT id FROM dormouse.place
WHERE name = %s AND parent_id IS NOT DISTINCT FROM %s;

-- devices_elsewhere --
SELECT key, name FROM dormouse.device WHERE location_id IS NULL ORDER BY key;

-- add_place --
INSERT INTO dormouse.place (name, parent_id) VALUES (%s, %s) RETURNING id;

-- record_placement --
INSERT INTO dormouse.placement (tenant_id, device_id, location_id, during)
SELECT tenant_id, id, %s, tstzrange(%s, %s)
FROM dormouse.device WHERE key = %s;
