-- History is kept by statement-level triggers with transition tables: every path leaves it whole,
-- and a change of 100,000 rows costs a few statements. The functions run as the owner, so the
-- application may read history and not write it.

-- The next tick of every device in `ids`, at the database's clock: the present one again for a
-- device that this transaction has already changed in the same activity. Gives the ticks in the
-- order of `ids`.
CREATE FUNCTION dormouse.next_ticks(ids integer[], gone boolean) RETURNS integer[]
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    tenant integer := dormouse.current_tenant();
    clock timestamptz := clock_timestamp();
    activity bigint := nullif(current_setting('dormouse.activity', true), '')::bigint;
    ticks integer[];
    ats timestamptz[];
    fresh boolean[];
BEGIN
    SELECT array_agg(t.tick + CASE WHEN t.fresh THEN 1 ELSE 0 END ORDER BY d.n),
           array_agg(t.at ORDER BY d.n), array_agg(t.fresh ORDER BY d.n)
    INTO ticks, ats, fresh
    FROM unnest(ids) WITH ORDINALITY AS d(id, n)
    CROSS JOIN LATERAL (
        SELECT x.tick, x.at, gone OR x.xact <> pg_current_xact_id()
                    OR x.activity_id IS DISTINCT FROM activity AS fresh
        FROM dormouse.tick x WHERE x.tenant_id = tenant AND x.device_id = d.id
        ORDER BY x.tick DESC LIMIT 1
    ) AS t;
    INSERT INTO dormouse.tick (tenant_id, device_id, tick, at, activity_id, deleted)
    -- A clock that was set back does not turn history around.
    SELECT tenant, t.id, t.tick, greatest(clock, t.at + interval '1 microsecond'), activity, gone
    FROM unnest(ids, ticks, ats, fresh) AS t(id, tick, at, fresh) WHERE t.fresh;
    RETURN ticks;
END $$;

-- Trigger on device: its arguments name the properties that have a history.
CREATE FUNCTION dormouse.keep_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    property text;
    history text;
    ids integer[];
    ticks integer[];
    columns_before text;
    columns_after text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO dormouse.tick (tenant_id, device_id, tick, at, activity_id)
        SELECT tenant_id, id, 1, clock_timestamp(),
               nullif(current_setting('dormouse.activity', true), '')::bigint FROM added;
        FOREACH property IN ARRAY TG_ARGV LOOP
            EXECUTE format('INSERT INTO dormouse.%I (tenant_id, device_id, ticks, value) '
                           'SELECT tenant_id, id, ''[1,)'', %I FROM added',
                           'device_' || property || '_history', property);
        END LOOP;
        RETURN NULL;
    ELSIF TG_OP = 'DELETE' THEN
        ids := ARRAY(SELECT id FROM removed ORDER BY id);
        ticks := dormouse.next_ticks(ids, true);
    ELSE
        SELECT string_agg(format('o.%I', name), ', '), string_agg(format('n.%I', name), ', ')
        INTO columns_before, columns_after FROM unnest(TG_ARGV) AS name;
        EXECUTE format('SELECT array_agg(n.id ORDER BY n.id) FROM removed o JOIN added n '
                       'USING (id) WHERE (%s) IS DISTINCT FROM (%s)',
                       columns_before, columns_after)
        INTO ids;
        IF ids IS NULL THEN
            RETURN NULL;
        END IF;
        ticks := dormouse.next_ticks(ids, false);
    END IF;
    FOREACH property IN ARRAY TG_ARGV LOOP
        history := 'device_' || property || '_history';
        IF TG_OP = 'DELETE' THEN
            EXECUTE format(
                'UPDATE dormouse.%I AS h SET ticks = int4range(lower(h.ticks), t.tick) '
                'FROM unnest($1, $2) AS t(id, tick) '
                'WHERE h.device_id = t.id AND upper_inf(h.ticks)', history) USING ids, ticks;
            CONTINUE;
        END IF;
        EXECUTE format($sql$
            WITH now AS MATERIALIZED (
                SELECT n.tenant_id, n.id, n.%2$I AS value, t.tick
                FROM unnest($1, $2) AS t(id, tick) JOIN added n USING (id)
                JOIN removed o USING (id) WHERE o.%2$I IS DISTINCT FROM n.%2$I
            ), again AS (
                -- Changed before in this tick: its value is another, the range the same.
                UPDATE dormouse.%1$I AS h SET value = now.value FROM now
                WHERE h.device_id = now.id AND h.ticks = int4range(now.tick, NULL)
            )
            UPDATE dormouse.%1$I AS h SET ticks = int4range(lower(h.ticks), now.tick) FROM now
            WHERE h.device_id = now.id AND upper_inf(h.ticks) AND lower(h.ticks) < now.tick
            $sql$, history, property) USING ids, ticks;
        -- Those whose range was ended just now have none that is open.
        EXECUTE format($sql$
            INSERT INTO dormouse.%1$I (tenant_id, device_id, ticks, value)
            SELECT n.tenant_id, n.id, int4range(t.tick, NULL), n.%2$I
            FROM unnest($1, $2) AS t(id, tick) JOIN added n USING (id) JOIN removed o USING (id)
            WHERE o.%2$I IS DISTINCT FROM n.%2$I AND NOT EXISTS (
                SELECT FROM dormouse.%1$I AS h
                WHERE h.device_id = n.id AND upper_inf(h.ticks))
            $sql$, history, property) USING ids, ticks;
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER keep_history_insert AFTER INSERT ON dormouse.device
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION
dormouse.keep_history('name', 'location_id', 'interval_s', 'owner', 'firmware', 'calibration');
CREATE TRIGGER keep_history_update AFTER UPDATE ON dormouse.device
REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION
dormouse.keep_history('name', 'location_id', 'interval_s', 'owner', 'firmware', 'calibration');
CREATE TRIGGER keep_history_delete AFTER DELETE ON dormouse.device
REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION
dormouse.keep_history('name', 'location_id', 'interval_s', 'owner', 'firmware', 'calibration');

-- A device's calibrations, as one of its properties.
CREATE FUNCTION dormouse.keep_calibration() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    touched integer[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        touched := ARRAY(SELECT series_id FROM added);
    ELSIF TG_OP = 'DELETE' THEN
        touched := ARRAY(SELECT series_id FROM removed);
    ELSE
        touched := ARRAY(SELECT series_id FROM added UNION SELECT series_id FROM removed);
    END IF;
    UPDATE dormouse.device d SET calibration = c.document
    FROM (
        SELECT v.id, jsonb_agg(jsonb_build_object(
                   'service', s.service, 'index', s.index, 'characteristic', s.characteristic,
                   'since', lower(k.during), 'until', upper(k.during),
                   'gain', k.gain, 'offset', k.offset_by)
                   ORDER BY s.id, k.during) FILTER (WHERE k.id IS NOT NULL) AS document
        FROM dormouse.device v
        LEFT JOIN dormouse.series s ON s.device_id = v.id
        LEFT JOIN dormouse.calibration k ON k.series_id = s.id
        WHERE v.id IN (SELECT device_id FROM dormouse.series WHERE id = ANY (touched))
        GROUP BY v.id
    ) AS c
    WHERE d.id = c.id AND d.calibration IS DISTINCT FROM c.document;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_calibration_insert AFTER INSERT ON dormouse.calibration
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION dormouse.keep_calibration();
CREATE TRIGGER keep_calibration_update AFTER UPDATE ON dormouse.calibration
REFERENCING OLD TABLE AS removed NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION dormouse.keep_calibration();
CREATE TRIGGER keep_calibration_delete AFTER DELETE ON dormouse.calibration
REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION dormouse.keep_calibration();

-- Devices as they were at an instant, one row each that was there then: all, or one of them. For
-- one a plan that is kept is several times faster than one that is made for each question.
CREATE FUNCTION dormouse.device_as_of(instant timestamptz, device integer DEFAULT NULL)
RETURNS TABLE (tenant_id integer, id integer, tick integer, at timestamptz, name text,
               location_id integer, interval_s integer, owner text, firmware text,
               calibration jsonb)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    IF device IS NULL THEN
        RETURN QUERY
        SELECT b.tenant_id, b.device_id, t.tick, t.at, n.value, l.value, i.value, o.value,
               f.value, c.value
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
        WHERE b.tenant_id = dormouse.current_tenant() AND b.tick = 1 AND NOT t.deleted;
    ELSE
        RETURN QUERY
        SELECT b.tenant_id, b.device_id, t.tick, t.at, n.value, l.value, i.value, o.value,
               f.value, c.value
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
        WHERE b.tenant_id = dormouse.current_tenant() AND b.tick = 1 AND NOT t.deleted
          AND b.device_id = device;
    END IF;
END $$;

-- What changed between two instants (since < at <= until), in order; a creation is a change from
-- nothing, a deletion one to nothing.
CREATE FUNCTION dormouse.device_changes(device integer, since timestamptz, until timestamptz)
RETURNS TABLE (device_id integer, tick integer, at timestamptz, property text, before jsonb,
               after jsonb, who text, why text, role text)
LANGUAGE sql STABLE AS $$
    WITH history AS (
        SELECT device_id, 'name' AS property, ticks, to_jsonb(value) AS value
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
    CROSS JOIN unnest(ARRAY['name', 'location', 'interval_s', 'owner', 'firmware', 'calibration'])
        WITH ORDINALITY AS p(property, place)
    LEFT JOIN history a
        ON a.device_id = t.device_id AND a.property = p.property AND lower(a.ticks) = t.tick
    LEFT JOIN history b
        ON b.device_id = t.device_id AND b.property = p.property AND upper(b.ticks) = t.tick
    WHERE t.at > since AND t.at <= until AND (device IS NULL OR t.device_id = device)
      AND a.value IS DISTINCT FROM b.value
    ORDER BY t.at, t.device_id, t.tick, p.place
$$;

GRANT SELECT ON dormouse.tick, dormouse.device_name_history, dormouse.device_location_id_history,
    dormouse.device_interval_s_history, dormouse.device_owner_history,
    dormouse.device_firmware_history, dormouse.device_calibration_history TO dormouse_app;
GRANT SELECT, INSERT ON dormouse.activity TO dormouse_app;
