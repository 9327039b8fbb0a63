-- Months by their names, where the name is one. Postgres may look at the names of all relations before
-- it looks at which of them are months of readings, and `to_date` refuses what is no date.
CREATE FUNCTION dormouse.month_of_partition(name name) RETURNS timestamptz
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN name ~ '^reading_[0-9]{4}_[0-9]{2}$'
    THEN make_timestamptz(substr(name::text, 9, 4)::integer, substr(name::text, 14, 2)::integer, 1,
                          0, 0, 0, 'UTC') END;

CREATE OR REPLACE FUNCTION dormouse.drop_empty_partitions(before timestamptz) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    month record;
BEGIN
    FOR month IN
        SELECT c.relname, f.since, f.since + interval '1 month' AS until
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        CROSS JOIN LATERAL (
            SELECT dormouse.month_of_partition(c.relname) AT TIME ZONE 'UTC' AS since) AS f
        WHERE i.inhparent = 'dormouse.reading'::regclass
          AND (f.since + interval '1 month') AT TIME ZONE 'UTC' <= least(before, now())
        ORDER BY 1
    LOOP
        CONTINUE WHEN dormouse.has_readings(month.since AT TIME ZONE 'UTC',
                                            month.until AT TIME ZONE 'UTC');
        -- Before the partition's own lock, as who inserts does.
        LOCK TABLE ONLY dormouse.reading IN ACCESS EXCLUSIVE MODE;
        IF NOT dormouse.has_readings(month.since AT TIME ZONE 'UTC',
                                     month.until AT TIME ZONE 'UTC') THEN
            EXECUTE format('DROP TABLE dormouse.%I', month.relname);
            RETURN NEXT month.relname;
        END IF;
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION dormouse.drop_expired_partitions(dry boolean)
RETURNS TABLE (partition text, n bigint, bytes bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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
          AND (dormouse.month_of_partition(c.relname) AT TIME ZONE 'UTC' + interval '1 month')
                  AT TIME ZONE 'UTC'
              <= date_bin('1 day', now(), '2000-01-01Z') - longest * interval '1 day'
        ORDER BY 1
    LOOP
        IF NOT dry THEN
            EXECUTE format('DROP TABLE dormouse.%I', partition);
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;

REVOKE EXECUTE ON FUNCTION dormouse.month_of_partition(name) FROM PUBLIC;
