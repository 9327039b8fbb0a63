-- A device's id is one more of its properties.
DROP TRIGGER keep_history_insert ON dormouse.device;
DROP TRIGGER keep_history_update ON dormouse.device;
DROP TRIGGER keep_history_delete ON dormouse.device;
CREATE TRIGGER keep_history_insert AFTER INSERT ON dormouse.device
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION
dormouse.keep_history('name', 'location_id', 'interval_s', 'owner', 'firmware', 'calibration', 'key');
CREATE TRIGGER keep_history_update AFTER UPDATE ON dormouse.device
REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION
dormouse.keep_history('name', 'location_id', 'interval_s', 'owner', 'firmware', 'calibration', 'key');
CREATE TRIGGER keep_history_delete AFTER DELETE ON dormouse.device
REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION
dormouse.keep_history('name', 'location_id', 'interval_s', 'owner', 'firmware', 'calibration', 'key');

-- The device that had an id at an instant.
CREATE FUNCTION dormouse.device_called(wanted text, instant timestamptz) RETURNS integer
LANGUAGE sql STABLE SET search_path = pg_catalog
RETURN (
    SELECT h.device_id FROM dormouse.device_key_history h
    CROSS JOIN LATERAL (
        SELECT x.tick, x.deleted FROM dormouse.tick x
        WHERE x.tenant_id = h.tenant_id AND x.device_id = h.device_id AND x.at <= instant
        ORDER BY x.tick DESC LIMIT 1
    ) AS t
    WHERE h.tenant_id = dormouse.current_tenant() AND h.value = wanted AND NOT t.deleted
      AND h.ticks @> t.tick
);

-- As before, and the id: that a device came or went is told by its other properties.
CREATE OR REPLACE FUNCTION dormouse.device_changes(
    device integer, since timestamptz, until timestamptz
)
RETURNS TABLE (device_id integer, tick integer, at timestamptz, property text, before jsonb,
               after jsonb, who text, why text, role text)
LANGUAGE sql STABLE AS $$
    WITH history AS (
        SELECT device_id, 'id' AS property, ticks, to_jsonb(value) AS value
        FROM dormouse.device_key_history WHERE device IS NULL OR device_id = device
        UNION ALL
        SELECT device_id, 'name', ticks, to_jsonb(value)
        FROM dormouse.device_name_history WHERE device IS NULL OR device_id = device
        UNION ALL
        SELECT device_id, 'location', ticks, to_jsonb(value)
        FROM dormouse.device_location_id_history WHERE device IS NULL OR device_id = device
        UNION ALL
        SELECT device_id, 'interval_s', ticks, to_jsonb(value)
        FROM dormouse.device_interval_s_history WHERE device IS NULL OR device_id = device
        UNION ALL
        SELECT device_id, 'owner', ticks, to_jsonb(value)
        FROM dormouse.device_owner_history WHERE device IS NULL OR device_id = device
        UNION ALL
        SELECT device_id, 'firmware', ticks, to_jsonb(value)
        FROM dormouse.device_firmware_history WHERE device IS NULL OR device_id = device
        UNION ALL
        SELECT device_id, 'calibration', ticks, value
        FROM dormouse.device_calibration_history WHERE device IS NULL OR device_id = device
    )
    SELECT t.device_id, t.tick, t.at, coalesce(a.property, b.property), b.value, a.value,
           y.who, y.why, t.role
    FROM dormouse.tick t
    LEFT JOIN dormouse.activity y ON y.tenant_id = t.tenant_id AND y.id = t.activity_id
    CROSS JOIN unnest(ARRAY['id', 'name', 'location', 'interval_s', 'owner', 'firmware',
                            'calibration']) WITH ORDINALITY AS p(property, place)
    LEFT JOIN history a
        ON a.device_id = t.device_id AND a.property = p.property AND lower(a.ticks) = t.tick
    LEFT JOIN history b
        ON b.device_id = t.device_id AND b.property = p.property AND upper(b.ticks) = t.tick
    WHERE t.at > since AND t.at <= until AND (device IS NULL OR t.device_id = device)
      AND a.value IS DISTINCT FROM b.value
      AND (p.property <> 'id' OR (a.value IS NOT NULL AND b.value IS NOT NULL))
    ORDER BY t.at, t.device_id, t.tick, p.place
$$;

GRANT SELECT ON dormouse.device_key_history TO dormouse_app;

-- Devices that are there have the ids they had: those of which it is noted that they took
-- another's place had its id until then.
CREATE FUNCTION dormouse.note_former_key(
    device integer, former text, until timestamptz, present text
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    changed integer := (SELECT min(tick) FROM dormouse.tick
                        WHERE device_id = device AND at >= until);
BEGIN
    IF changed IS NULL THEN
        INSERT INTO dormouse.tick (device_id, tick, at, activity_id)
        SELECT device, max(tick) + 1, until, (
            SELECT max(id) FROM dormouse.activity
            WHERE why LIKE '% replaces %' AND abs(extract(epoch FROM at - until)) < 60)
        FROM dormouse.tick WHERE device_id = device RETURNING tick INTO changed;
    END IF;
    -- The first of all is its creation: then it had no other id before.
    UPDATE dormouse.device_key_history
    SET value = former, ticks = int4range(lower(ticks), changed)
    WHERE device_id = device AND upper_inf(ticks) AND lower(ticks) < changed;
    IF FOUND THEN
        INSERT INTO dormouse.device_key_history (device_id, ticks, value)
        VALUES (device, int4range(changed, NULL), present);
    END IF;
END $$;

DO $$
DECLARE
    one integer;
    noted record;
BEGIN
    FOR one IN SELECT id FROM dormouse.tenant LOOP
        PERFORM set_config('dormouse.tenant', one::text, true);
        INSERT INTO dormouse.device_key_history (device_id, ticks, value)
        SELECT id, '[1,)', key FROM dormouse.device;
        FOR noted IN
            SELECT s.device_id, r ->> 'old' AS old, r ->> 'new' AS new, r ->> 'apart' AS apart,
                   (r ->> 'at')::timestamptz AS at
            FROM dormouse.device_state s
            CROSS JOIN LATERAL jsonb_path_query(s.attributes, '$.replacements[*]') AS r
            WHERE r ->> 'at' ~ '^\d{4}-\d\d-\d\dT'
            ORDER BY 5
        LOOP
            PERFORM dormouse.note_former_key(noted.device_id, noted.old, noted.at, noted.new);
            PERFORM dormouse.note_former_key(d.id, noted.new, noted.at, noted.apart)
            FROM dormouse.device d WHERE d.key = noted.apart;
        END LOOP;
    END LOOP;
    PERFORM set_config('dormouse.tenant', '', true);
END $$;
DROP FUNCTION dormouse.note_former_key;
