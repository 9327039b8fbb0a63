CREATE FUNCTION dormouse.has_partition(wanted text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog AS $$
BEGIN
    RETURN EXISTS (SELECT FROM pg_class WHERE relnamespace = 'dormouse'::regnamespace
                   AND relname = wanted);
END $$;

-- The partition of one month, made once however many ask for it at the same time. It is asked for
-- in pg_class, which each statement sees as it is now: to_regclass answers from what the session
-- remembers, over a wait for the lock too, so that the second to ask made the table again.
CREATE OR REPLACE FUNCTION dormouse.ensure_partition(instant timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    month timestamp := date_trunc('month', instant AT TIME ZONE 'UTC');
    partition text := 'reading_' || to_char(month, 'YYYY_MM');
BEGIN
    IF dormouse.has_partition(partition) THEN
        RETURN partition;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('dormouse.reading partitions'));
    IF NOT dormouse.has_partition(partition) THEN
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
    RETURN partition;
END $$;
