-- Rows that have had their time.

-- Trigger: BEFORE INSERT OR UPDATE .. FOR EACH ROW EXECUTE FUNCTION
-- keep_for('30 days' [, 'created_at']). Whenever a row is written, rows whose column is older than
-- the interval go; never the row being written. For tables of few rows.
CREATE FUNCTION dormouse.keep_for() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    age interval;
BEGIN
    IF TG_WHEN <> 'BEFORE' OR TG_LEVEL <> 'ROW' OR TG_OP NOT IN ('INSERT', 'UPDATE') THEN
        RAISE EXCEPTION 'keep_for on % must be BEFORE INSERT OR UPDATE .. FOR EACH ROW',
            TG_TABLE_NAME USING ERRCODE = 'trigger_protocol_violated'  ;
    END IF;
    BEGIN
        age := TG_ARGV[0]::interval;
    EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow THEN
        age := NULL;
    END;
    IF age IS NULL OR age <= interval '0' THEN
        RAISE EXCEPTION 'keep_for on % needs an interval, as in keep_for(''30 days'')',
            TG_TABLE_NAME USING ERRCODE = 'trigger_protocol_violated';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        EXECUTE format('DELETE FROM %I.%I AS kept WHERE %I < now() - $1 '
                       'AND kept IS DISTINCT FROM $2', TG_TABLE_SCHEMA, TG_TABLE_NAME,
                       coalesce(TG_ARGV[1], 'created_at')) USING age, OLD;
    ELSE
        EXECUTE format('DELETE FROM %I.%I WHERE %I < now() - $1', TG_TABLE_SCHEMA,
                       TG_TABLE_NAME, coalesce(TG_ARGV[1], 'created_at')) USING age;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER keep_for BEFORE INSERT OR UPDATE ON dormouse.quarantine
FOR EACH ROW EXECUTE FUNCTION dormouse.keep_for('90 days', 'received_at');

-- How long each series of the tenant is kept, by the most particular rule.
CREATE VIEW dormouse.kept WITH (security_invoker = true) AS
SELECT s.tenant_id, s.id AS series_id, r.raw_days, r.hourly_days, r.daily_days
FROM dormouse.series s
LEFT JOIN LATERAL (
    SELECT * FROM dormouse.retention r
    WHERE r.tenant_id = s.tenant_id
      AND (r.series_id = s.id OR r.characteristic = s.characteristic
           OR (r.series_id IS NULL AND r.characteristic IS NULL))
    ORDER BY r.series_id IS NULL, r.characteristic IS NULL LIMIT 1
) AS r ON true;

-- Removes what the current tenant's rules have expired; with `dry` only counts. Cuts at whole days
-- (UTC), so that a day's rollup is made of all its readings or of none that are left.
CREATE FUNCTION dormouse.expire(dry boolean)
RETURNS TABLE (what text, series_id integer, before timestamptz, n bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
    rule record;
    target record;
    today timestamptz := date_bin('1 day', now(), '2000-01-01Z');
BEGIN
    FOR rule IN SELECT * FROM dormouse.kept WHERE tenant_id = dormouse.current_tenant()
                ORDER BY series_id
    LOOP
        FOR target IN SELECT * FROM (VALUES ('reading', 'at', rule.raw_days),
                                            ('hourly', 'start', rule.hourly_days),
                                            ('daily', 'start', rule.daily_days))
                               AS t(name, col, days) WHERE days IS NOT NULL
        LOOP
            what := target.name;
            series_id := rule.series_id;
            before := today - target.days * interval '1 day';
            IF dry THEN
                EXECUTE format('SELECT count(*) FROM dormouse.%I WHERE tenant_id = $1 '
                               'AND series_id = $2 AND %I < $3', target.name, target.col)
                INTO n USING rule.tenant_id, rule.series_id, before;
            ELSE
                EXECUTE format('DELETE FROM dormouse.%I WHERE tenant_id = $1 '
                               'AND series_id = $2 AND %I < $3', target.name, target.col)
                USING rule.tenant_id, rule.series_id, before;
                GET DIAGNOSTICS n = ROW_COUNT;
            END IF;
            IF n > 0 THEN
                RETURN NEXT;
            END IF;
        END LOOP;
    END LOOP;
END $$;

-- Drops the partitions that no series of any tenant keeps any of; with `dry` only names them.
-- A month goes when it ended before the longest time that readings are kept.
CREATE FUNCTION dormouse.drop_expired_partitions(dry boolean)
RETURNS TABLE (partition text, n bigint, bytes bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
    was text := coalesce(current_setting('dormouse.tenant', true), '');
    tenant integer;
    longest integer := 0;
    for_ever boolean := NOT EXISTS (SELECT FROM dormouse.tenant);
BEGIN
    -- One tenant after the other, each behind its own policy: the owner has no way past it either.
    FOR tenant IN SELECT id FROM dormouse.tenant ORDER BY id LOOP
        PERFORM set_config('dormouse.tenant', tenant::text, true);
        SELECT greatest(longest, coalesce(max(k.raw_days), 0)),
               for_ever OR coalesce(bool_or(k.raw_days IS NULL), false)
        INTO longest, for_ever FROM dormouse.kept k WHERE k.tenant_id = tenant;
    END LOOP;
    PERFORM set_config('dormouse.tenant', was, true);
    IF for_ever OR longest = 0 THEN
        RETURN;
    END IF;
    FOR partition, n, bytes IN
        SELECT c.relname, greatest(c.reltuples, 0)::bigint, pg_total_relation_size(c.oid)
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'dormouse.reading'::regclass
          AND (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC'
              <= date_bin('1 day', now(), '2000-01-01Z') - longest * interval '1 day'
        ORDER BY 1
    LOOP
        IF NOT dry THEN
            EXECUTE format('DROP TABLE dormouse.%I', partition);
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;

GRANT SELECT ON dormouse.kept TO dormouse_app;
