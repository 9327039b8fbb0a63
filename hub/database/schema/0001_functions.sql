-- Functions the application calls. Those that must see past one tenant, or make tables, run as
-- the owner; they are few and take no SQL.

-- The owner alone sees the list of tenants.
CREATE POLICY directory ON dormouse.tenant TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE FUNCTION dormouse.tenant_id(wanted text) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
RETURN (SELECT id FROM dormouse.tenant WHERE name = wanted);

CREATE FUNCTION dormouse.tenant_names() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    SELECT name FROM dormouse.tenant ORDER BY name;
END;

CREATE FUNCTION dormouse.ensure_tenant(wanted text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    found integer := (SELECT id FROM dormouse.tenant WHERE name = wanted);
BEGIN
    IF found IS NULL THEN
        INSERT INTO dormouse.tenant (name) VALUES (wanted) ON CONFLICT (name) DO NOTHING;
        found := (SELECT id FROM dormouse.tenant WHERE name = wanted);
    END IF;
    RETURN found;
END $$;

-- The tenant that has this name in the broker, null when nobody has.
CREATE FUNCTION dormouse.broker_user_tenant(wanted text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
RETURN (SELECT t.name FROM dormouse.broker_user b JOIN dormouse.tenant t ON t.id = b.tenant_id
        WHERE b.name = wanted);

-- Takes a broker name for the current tenant: true when it has it now, false when another has.
CREATE FUNCTION dormouse.claim_broker_user(wanted text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO dormouse.broker_user (name, tenant_id)
    VALUES (wanted, dormouse.current_tenant()) ON CONFLICT (name) DO NOTHING;
    RETURN (SELECT tenant_id = dormouse.current_tenant()
            FROM dormouse.broker_user WHERE name = wanted);
END $$;

CREATE FUNCTION dormouse.release_broker_user(wanted text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    DELETE FROM dormouse.broker_user
    WHERE name = wanted AND tenant_id = dormouse.current_tenant();
    RETURN FOUND;
END $$;

-- The partition of one month (UTC). Attaching takes a lock that readers and writers do not mind;
-- CREATE TABLE .. PARTITION OF would shut them out.
CREATE FUNCTION dormouse.ensure_partition(instant timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    month timestamp := date_trunc('month', instant AT TIME ZONE 'UTC');
    partition text := 'reading_' || to_char(month, 'YYYY_MM');
BEGIN
    IF to_regclass('dormouse.' || partition) IS NULL THEN
        PERFORM pg_advisory_xact_lock(hashtext('dormouse.reading partitions'));
        IF to_regclass('dormouse.' || partition) IS NULL THEN
            EXECUTE format('CREATE TABLE dormouse.%I (LIKE dormouse.reading INCLUDING ALL)',
                           partition);
            -- By its own name nobody reads it, its owner included: no policy lets a row through.
            EXECUTE format('ALTER TABLE dormouse.%I ENABLE ROW LEVEL SECURITY, '
                           'FORCE ROW LEVEL SECURITY', partition);
            EXECUTE format('ALTER TABLE dormouse.reading ATTACH PARTITION dormouse.%I '
                           'FOR VALUES FROM (%L) TO (%L)', partition,
                           month AT TIME ZONE 'UTC',
                           (month + interval '1 month') AT TIME ZONE 'UTC');
        END IF;
    END IF;
    RETURN partition;
END $$;

-- The partitions of this month and the next ones; says how many there are to come.
CREATE FUNCTION dormouse.ensure_partitions_ahead(months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM dormouse.ensure_partition(now() + n * interval '1 month')
    FROM generate_series(0, least(months, 24)) AS n;
    RETURN months;
END $$;

GRANT USAGE ON SCHEMA dormouse TO dormouse_app;
GRANT SELECT ON dormouse.alembic_version, dormouse.tenant TO dormouse_app;
GRANT SELECT, INSERT ON dormouse.reading, dormouse.quarantine TO dormouse_app;
GRANT SELECT, INSERT, UPDATE ON dormouse.latest, dormouse.delivery TO dormouse_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    dormouse.device, dormouse.device_state, dormouse.series, dormouse.account, dormouse.homekit
    TO dormouse_app;
