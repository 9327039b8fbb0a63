-- A device's attributes are one more of its properties. Those that are there are so since its
-- creation, as far as is known.
DO $$
DECLARE
    one integer;
BEGIN
    FOR one IN SELECT id FROM dormouse.tenant LOOP
        PERFORM set_config('dormouse.tenant', one::text, true);
        UPDATE dormouse.device d SET attributes = s.attributes - 'replacements'
        FROM dormouse.device_state s
        WHERE s.tenant_id = d.tenant_id AND s.device_id = d.id
          AND s.attributes - 'replacements' <> '{}';
        INSERT INTO dormouse.device_attributes_history (device_id, ticks, value)
        SELECT id, '[1,)', attributes FROM dormouse.device;
    END LOOP;
    PERFORM set_config('dormouse.tenant', '', true);
END $$;
DROP TRIGGER keep_history_insert ON dormouse.device;
DROP TRIGGER keep_history_update ON dormouse.device;
DROP TRIGGER keep_history_delete ON dormouse.device;
CREATE TRIGGER keep_history_insert AFTER INSERT ON dormouse.device
REFERENCING NEW TABLE AS added FOR EACH STATEMENT
EXECUTE FUNCTION dormouse.keep_history(
    'name', 'location_id', 'interval_s', 'owner', 'firmware', 'calibration', 'key',
    'attributes');
CREATE TRIGGER keep_history_update AFTER UPDATE ON dormouse.device
REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT
EXECUTE FUNCTION dormouse.keep_history(
    'name', 'location_id', 'interval_s', 'owner', 'firmware', 'calibration', 'key',
    'attributes');
CREATE TRIGGER keep_history_delete AFTER DELETE ON dormouse.device
REFERENCING OLD TABLE AS removed FOR EACH STATEMENT
EXECUTE FUNCTION dormouse.keep_history(
    'name', 'location_id', 'interval_s', 'owner', 'firmware', 'calibration', 'key',
    'attributes');

-- Row by row, for reports leave attributes alone and are to cost nothing here.
CREATE FUNCTION dormouse.keep_attributes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    said jsonb := nullif(NEW.attributes - 'replacements', '{}');
BEGIN
    UPDATE dormouse.device SET attributes = said
    WHERE tenant_id = NEW.tenant_id AND id = NEW.device_id AND attributes IS DISTINCT FROM said;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_attributes_insert AFTER INSERT ON dormouse.device_state
FOR EACH ROW WHEN (NEW.attributes <> '{}') EXECUTE FUNCTION dormouse.keep_attributes();
CREATE TRIGGER keep_attributes_update AFTER UPDATE OF attributes ON dormouse.device_state
FOR EACH ROW WHEN (NEW.attributes IS DISTINCT FROM OLD.attributes)
EXECUTE FUNCTION dormouse.keep_attributes();

-- As before, and the attributes.
DROP FUNCTION dormouse.device_as_of;
CREATE FUNCTION dormouse.device_as_of(instant timestamptz, device integer DEFAULT NULL)
RETURNS TABLE (tenant_id integer, id integer, tick integer, at timestamptz, name text,
               location_id integer, interval_s integer, owner text, firmware text,
               calibration jsonb, attributes jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF device IS NULL THEN
        RETURN QUERY
        SELECT b.tenant_id, b.device_id, t.tick, t.at, n.value, l.value, i.value, o.value,
               f.value, c.value, a.value
        FROM dormouse.tick b
        CROSS JOIN LATERAL (
            SELECT x.tick, x.at, x.deleted FROM dormouse.tick x
            WHERE x.tenant_id = b.tenant_id AND x.device_id = b.device_id AND x.at <= instant
            ORDER BY x.tick DESC LIMIT 1
        ) AS t
        LEFT JOIN dormouse.device_name_history n
            ON n.device_id = b.device_id AND n.ticks @> t.tick
        LEFT JOIN dormouse.device_location_id_history l
            ON l.device_id = b.device_id AND l.ticks @> t.tick
        LEFT JOIN dormouse.device_interval_s_history i
            ON i.device_id = b.device_id AND i.ticks @> t.tick
        LEFT JOIN dormouse.device_owner_history o
            ON o.device_id = b.device_id AND o.ticks @> t.tick
        LEFT JOIN dormouse.device_firmware_history f
            ON f.device_id = b.device_id AND f.ticks @> t.tick
        LEFT JOIN dormouse.device_calibration_history c
            ON c.device_id = b.device_id AND c.ticks @> t.tick
        LEFT JOIN dormouse.device_attributes_history a
            ON a.device_id = b.device_id AND a.ticks @> t.tick
        WHERE b.tenant_id = dormouse.current_tenant() AND b.tick = 1 AND NOT t.deleted;
    ELSE
        RETURN QUERY
        SELECT b.tenant_id, b.device_id, t.tick, t.at, n.value, l.value, i.value, o.value,
               f.value, c.value, a.value
        FROM dormouse.tick b
        CROSS JOIN LATERAL (
            SELECT x.tick, x.at, x.deleted FROM dormouse.tick x
            WHERE x.tenant_id = b.tenant_id AND x.device_id = b.device_id AND x.at <= instant
            ORDER BY x.tick DESC LIMIT 1
        ) AS t
        LEFT JOIN dormouse.device_name_history n
            ON n.device_id = b.device_id AND n.ticks @> t.tick
        LEFT JOIN dormouse.device_location_id_history l
            ON l.device_id = b.device_id AND l.ticks @> t.tick
        LEFT JOIN dormouse.device_interval_s_history i
            ON i.device_id = b.device_id AND i.ticks @> t.tick
        LEFT JOIN dormouse.device_owner_history o
            ON o.device_id = b.device_id AND o.ticks @> t.tick
        LEFT JOIN dormouse.device_firmware_history f
            ON f.device_id = b.device_id AND f.ticks @> t.tick
        LEFT JOIN dormouse.device_calibration_history c
            ON c.device_id = b.device_id AND c.ticks @> t.tick
        LEFT JOIN dormouse.device_attributes_history a
            ON a.device_id = b.device_id AND a.ticks @> t.tick
        WHERE b.tenant_id = dormouse.current_tenant() AND b.tick = 1 AND NOT t.deleted
          AND b.device_id = device;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION dormouse.device_changes(
    device integer, since timestamptz, until timestamptz
)
RETURNS TABLE (device_id integer, tick integer, at timestamptz, property text, before jsonb,
               after jsonb, who text, why text, role text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
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
        UNION ALL
        SELECT device_id, 'attributes', ticks, value
        FROM dormouse.device_attributes_history WHERE device IS NULL OR device_id = device
    )
    SELECT t.device_id, t.tick, t.at, coalesce(a.property, b.property), b.value, a.value,
           y.who, y.why, t.role
    FROM dormouse.tick t
    LEFT JOIN dormouse.activity y ON y.tenant_id = t.tenant_id AND y.id = t.activity_id
    CROSS JOIN unnest(ARRAY['id', 'name', 'location', 'interval_s', 'owner', 'firmware',
                            'calibration', 'attributes']) WITH ORDINALITY AS p(property, place)
    LEFT JOIN history a
        ON a.device_id = t.device_id AND a.property = p.property AND lower(a.ticks) = t.tick
    LEFT JOIN history b
        ON b.device_id = t.device_id AND b.property = p.property AND upper(b.ticks) = t.tick
    WHERE t.at > since AND t.at <= until AND (device IS NULL OR t.device_id = device)
      AND a.value IS DISTINCT FROM b.value
      AND (p.property <> 'id' OR (a.value IS NOT NULL AND b.value IS NOT NULL))
    ORDER BY t.at, t.device_id, t.tick, p.place
$$;
