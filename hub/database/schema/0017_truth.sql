-- One truth for every value: what is shown of a series, where it was measured, who measured it.

-- The newest value of each series as people want it: calibrated as of its own time.
CREATE VIEW dormouse.newest WITH (security_invoker = true) AS
SELECT l.tenant_id, l.series_id, s.device_id, l.at, l.value AS raw,
       l.value * coalesce(c.gain, 1) + coalesce(c.offset_by, 0) AS value, l.text
FROM dormouse.latest l
JOIN dormouse.series s ON s.tenant_id = l.tenant_id AND s.id = l.series_id
LEFT JOIN dormouse.calibration c
    ON c.tenant_id = l.tenant_id AND c.series_id = l.series_id AND c.during @> l.at;
GRANT SELECT ON dormouse.newest TO dormouse_app;

-- States and texts have no scale. The tables' owner is bound by row-level security too, so this
-- goes tenant by tenant.
DO $$
DECLARE
    one integer;
BEGIN
    FOR one IN SELECT id FROM dormouse.tenant LOOP
        PERFORM set_config('dormouse.tenant', one::text, true);
        DELETE FROM dormouse.calibration c USING dormouse.series s
        WHERE s.tenant_id = c.tenant_id AND s.id = c.series_id AND s.kind IN ('bool', 'string');
    END LOOP;
    PERFORM set_config('dormouse.tenant', '', true);
END $$;

-- A place and everything below it in the tree.
CREATE FUNCTION dormouse.places_within(place integer) RETURNS SETOF integer
LANGUAGE sql STABLE SET search_path = pg_catalog
BEGIN ATOMIC
    WITH RECURSIVE branch AS (
        SELECT id FROM dormouse.place WHERE id = places_within.place
        UNION ALL
        SELECT p.id FROM dormouse.place p JOIN branch ON p.parent_id = branch.id
    )
    SELECT id FROM branch;
END;

-- Readings with where their device was when it measured:
-- SELECT * FROM dormouse.placed WHERE place_id IN (SELECT dormouse.places_within(3)).
CREATE VIEW dormouse.placed WITH (security_invoker = true) AS
SELECT r.tenant_id, r.series_id, r.device_id, p.location_id AS place_id, r.at, r.value, r.raw,
       r.text
FROM dormouse.calibrated r
LEFT JOIN dormouse.placement p
    ON p.tenant_id = r.tenant_id AND p.device_id = r.device_id AND p.during @> r.at;
GRANT SELECT ON dormouse.placed TO dormouse_app;

-- As before, but a move that is told for an instant gives no later one up: who tells it may not
-- know of that.
CREATE OR REPLACE FUNCTION dormouse.keep_placement() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    told timestamptz := nullif(current_setting('dormouse.since', true), '')::timestamptz;
    since timestamptz := coalesce(told, clock_timestamp());
    moved integer[];
    later record;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT array_agg(n.id) INTO moved FROM removed o JOIN added n USING (id)
        WHERE o.location_id IS DISTINCT FROM n.location_id;
        IF moved IS NULL THEN
            RETURN NULL;
        END IF;
        IF told IS NOT NULL THEN
            SELECT d.key, p.during INTO later FROM dormouse.placement p
            JOIN dormouse.device d ON d.tenant_id = p.tenant_id AND d.id = p.device_id
            WHERE p.device_id = ANY (moved) AND lower(p.during) > told
            ORDER BY lower(p.during) LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'device % was moved again later', later.key
                    USING ERRCODE = 'exclusion_violation', TABLE = 'placement',
                          CONSTRAINT = 'placement_once_at_a_time',
                          DETAIL = format('%s was moved again later: %s', later.key, later.during);
            END IF;
        END IF;
        DELETE FROM dormouse.placement
        WHERE device_id = ANY (moved) AND lower(during) >= since;
        UPDATE dormouse.placement SET during = tstzrange(lower(during), since)
        WHERE device_id = ANY (moved) AND during @> since;
    END IF;
    INSERT INTO dormouse.placement (tenant_id, device_id, location_id, during)
    SELECT tenant_id, id, location_id, tstzrange(since, NULL) FROM added
    WHERE location_id IS NOT NULL AND (moved IS NULL OR id = ANY (moved));
    RETURN NULL;
END $$;
