-- Rollups are kept in the transaction that changes what they are made of: they are right at every
-- commit, for late readings too, and a killed server leaves nothing to repair.

-- Readings join under a shared lock of the tenant; who recomputes takes it alone, so that it sees
-- every reading whose rollup it replaces.
CREATE FUNCTION dormouse.rollup_lock(tenant integer) RETURNS bigint
LANGUAGE sql IMMUTABLE
RETURN (hashtext('dormouse.rollups')::bigint << 32) | tenant::bigint;

CREATE FUNCTION dormouse.keep_rollups() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(dormouse.rollup_lock(dormouse.current_tenant()));
    WITH delta AS MATERIALIZED (
        SELECT a.tenant_id, a.series_id, a.start, count(*) AS n, sum(a.v) AS total,
               min(a.v) AS low, max(a.v) AS high,
               (array_agg(a.v ORDER BY a.at DESC, a.v DESC))[1] AS last, max(a.at) AS last_at
        FROM (
            SELECT a.tenant_id, a.series_id, a.at,
                   date_bin('1 hour', a.at, '2000-01-01Z') AS start,
                   a.value * coalesce(c.gain, 1) + coalesce(c.offset_by, 0) AS v
            FROM added a LEFT JOIN dormouse.calibration c
                ON c.tenant_id = a.tenant_id AND c.series_id = a.series_id AND c.during @> a.at
            WHERE a.value IS NOT NULL
        ) AS a
        GROUP BY a.tenant_id, a.series_id, a.start
    ), hours AS (
        INSERT INTO dormouse.hourly AS r SELECT * FROM delta ORDER BY series_id, start
        ON CONFLICT (tenant_id, series_id, start) DO UPDATE SET
            n = r.n + excluded.n, total = r.total + excluded.total,
            low = least(r.low, excluded.low), high = greatest(r.high, excluded.high),
            last = CASE WHEN (excluded.last_at, excluded.last) >= (r.last_at, r.last)
                   THEN excluded.last ELSE r.last END,
            last_at = greatest(r.last_at, excluded.last_at)
    )
    INSERT INTO dormouse.daily AS r
    SELECT tenant_id, series_id, date_bin('1 day', start, '2000-01-01Z'), sum(n), sum(total),
           min(low), max(high), (array_agg(last ORDER BY last_at DESC, last DESC))[1], max(last_at)
    FROM delta GROUP BY 1, 2, 3 ORDER BY 2, 3
    ON CONFLICT (tenant_id, series_id, start) DO UPDATE SET
        n = r.n + excluded.n, total = r.total + excluded.total,
        low = least(r.low, excluded.low), high = greatest(r.high, excluded.high),
        last = CASE WHEN (excluded.last_at, excluded.last) >= (r.last_at, r.last)
               THEN excluded.last ELSE r.last END,
        last_at = greatest(r.last_at, excluded.last_at);
    RETURN NULL;
END $$;

CREATE TRIGGER keep_rollups AFTER INSERT ON dormouse.reading
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION dormouse.keep_rollups();

-- Rollups of one series within a range, made anew from its readings. Bins of which retention has
-- removed readings stay as they are.
CREATE FUNCTION dormouse.recompute_rollups(series integer, during tstzrange) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    since timestamptz := date_bin('1 day', coalesce(
        lower(during), (SELECT min(at) FROM dormouse.reading WHERE series_id = series)),
        '2000-01-01Z');
    until timestamptz := date_bin('1 day', coalesce(
        upper(during), (SELECT max(at) FROM dormouse.reading WHERE series_id = series)),
        '2000-01-01Z') + interval '1 day';
    width interval;
    rollup text;
BEGIN
    PERFORM pg_advisory_xact_lock(dormouse.rollup_lock(dormouse.current_tenant()));
    FOR rollup, width IN VALUES ('hourly', interval '1 hour'), ('daily', interval '1 day') LOOP
        EXECUTE format($sql$
            INSERT INTO dormouse.%I AS r
            SELECT tenant_id, series_id, date_bin($1, at, '2000-01-01Z'), count(*), sum(value),
                   min(value), max(value), (array_agg(value ORDER BY at DESC, value DESC))[1],
                   max(at)
            FROM dormouse.calibrated
            WHERE tenant_id = dormouse.current_tenant() AND series_id = $2
              AND at >= $3 AND at < $4 AND value IS NOT NULL
            GROUP BY 1, 2, 3
            ON CONFLICT (tenant_id, series_id, start) DO UPDATE SET
                n = excluded.n, total = excluded.total, low = excluded.low,
                high = excluded.high, last = excluded.last, last_at = excluded.last_at
            WHERE r.n <= excluded.n
            $sql$, rollup) USING width, series, since, until;
    END LOOP;
END $$;

CREATE FUNCTION dormouse.recalibrate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    touched record;
BEGIN
    -- `removed` and `added` are both there only for an update.
    IF TG_OP = 'INSERT' THEN
        FOR touched IN SELECT series_id, during FROM added ORDER BY 1, 2 LOOP
            PERFORM dormouse.recompute_rollups(touched.series_id, touched.during);
        END LOOP;
    ELSIF TG_OP = 'DELETE' THEN
        FOR touched IN SELECT series_id, during FROM removed ORDER BY 1, 2 LOOP
            PERFORM dormouse.recompute_rollups(touched.series_id, touched.during);
        END LOOP;
    ELSE
        FOR touched IN
            SELECT series_id, during FROM removed UNION SELECT series_id, during FROM added
            ORDER BY 1, 2
        LOOP
            PERFORM dormouse.recompute_rollups(touched.series_id, touched.during);
        END LOOP;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER recalibrate_insert AFTER INSERT ON dormouse.calibration
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION dormouse.recalibrate();
CREATE TRIGGER recalibrate_update AFTER UPDATE ON dormouse.calibration
REFERENCING OLD TABLE AS removed NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION dormouse.recalibrate();
CREATE TRIGGER recalibrate_delete AFTER DELETE ON dormouse.calibration
REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION dormouse.recalibrate();

GRANT SELECT ON dormouse.hourly, dormouse.daily, dormouse.calibrated TO dormouse_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON dormouse.calibration, dormouse.retention TO dormouse_app;
