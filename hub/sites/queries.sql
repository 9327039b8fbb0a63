-- Places with a network of their own, behind their tenant; numbers and networks are the machine's.

-- sites --
SELECT s.id, s.name, s.number, s.place_id AS place, coalesce(p.name, s.name) AS title,
       ARRAY(SELECT n.network::text FROM dormouse.site_network n
             WHERE n.site_id = s.id AND NOT n.of_home ORDER BY n.network) AS networks,
       ARRAY(SELECT n.network::text FROM dormouse.site_network n
             WHERE n.site_id = s.id AND n.of_home ORDER BY n.network) AS home,
       s.endpoint, s.site_endpoint, s.hub_address, s.site_address,
       s.hub_key, s.site_key, s.made_by, s.created_at, s.heard_at
FROM dormouse.site s LEFT JOIN dormouse.place p ON p.id = s.place_id
WHERE %(name)s::text IS NULL OR s.name = %(name)s
ORDER BY s.name;

-- add_site --
INSERT INTO dormouse.site (
    tenant_id, name, number, place_id, endpoint, site_endpoint, hub_address, site_address,
    hub_key, site_key, made_by
)
VALUES (
    dormouse.current_tenant(), %(name)s, %(number)s, %(place)s, %(endpoint)s, %(site_endpoint)s,
    %(hub_address)s, %(site_address)s, %(hub_key)s, %(site_key)s, %(by)s
)
RETURNING id;

-- add_network --
INSERT INTO dormouse.site_network (tenant_id, site_id, network, of_home)
VALUES (dormouse.current_tenant(), %(site)s, %(network)s, %(of_home)s);

-- site_heard --
UPDATE dormouse.site SET heard_at = %(at)s WHERE id = %(site)s;

-- remove_site --
DELETE FROM dormouse.site WHERE name = %s;

-- devices_of_sites --
-- Those that are in a site's place or below it; of sites in each other the inner one counts.
WITH RECURSIVE within AS (
    SELECT s.id AS site, s.place_id AS place, 0 AS depth
    FROM dormouse.site s WHERE s.place_id IS NOT NULL
    UNION ALL
    SELECT w.site, p.id, w.depth + 1 FROM dormouse.place p JOIN within w ON p.parent_id = w.place
)
SELECT DISTINCT ON (d.key) d.key, s.name
FROM dormouse.device d JOIN within w ON w.place = d.location_id
JOIN dormouse.site s ON s.id = w.site
ORDER BY d.key, w.depth;
