-- What people had removed: readings, series, devices with all that is their own. The application
-- may read this trail and add to it by the functions below, not change it.
CREATE TABLE dormouse.removal (
    id integer GENERATED ALWAYS AS IDENTITY,
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    what text NOT NULL CHECK (what IN ('reading', 'span', 'series', 'device')),
    device text NOT NULL,
    -- As its topic has it; null for a device.
    series text,
    -- since <= t < until; null for all there is.
    since timestamptz,
    until timestamptz,
    who text NOT NULL,
    why text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    readings bigint NOT NULL DEFAULT 0,
    -- Bins of rollups that stayed: they reach beyond the span, and what they are made of is gone.
    bins_kept integer NOT NULL DEFAULT 0,
    -- Null while it is under way: what a killed hub leaves is finished at its next start.
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK ((what = 'device') = (series IS NULL)),
    CHECK (since < until)
);
GRANT SELECT ON dormouse.removal TO dormouse_app;

CREATE FUNCTION dormouse.begin_removal(
    kind text, device text, series text, since timestamptz, until timestamptz, who text, why text
) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO dormouse.removal (tenant_id, what, device, series, since, until, who, why)
    VALUES (dormouse.current_tenant(), kind, device, series, since, until, who, why)
    RETURNING id;
END;

CREATE FUNCTION dormouse.end_removal(removal integer) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE dormouse.removal AS m SET finished_at = clock_timestamp()
    WHERE m.tenant_id = dormouse.current_tenant() AND m.id = end_removal.removal
      AND m.finished_at IS NULL;
END;

-- The newest value of a series anew: that of its newest reading, or where retention has removed all
-- of those, what the newest bin keeps of it. None where there is neither.
CREATE FUNCTION dormouse.renew_latest(series integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tenant integer := dormouse.current_tenant();
    newest record;
BEGIN
    SELECT r.at, r.value, r.text INTO newest FROM dormouse.reading r
    WHERE r.tenant_id = tenant AND r.series_id = series ORDER BY r.at DESC LIMIT 1;
    IF NOT FOUND THEN
        SELECT b.last_at AS at, b.value, NULL::text AS text INTO newest FROM (
            SELECT last_at, coalesce(raw_last, last) AS value FROM dormouse.hourly
            WHERE tenant_id = tenant AND series_id = series
            UNION ALL
            SELECT last_at, coalesce(raw_last, last) FROM dormouse.daily
            WHERE tenant_id = tenant AND series_id = series
        ) AS b ORDER BY b.last_at DESC LIMIT 1;
    END IF;
    IF newest.at IS NULL THEN
        DELETE FROM dormouse.latest WHERE tenant_id = tenant AND series_id = series;
    ELSE
        UPDATE dormouse.latest SET at = newest.at, value = newest.value, text = newest.text
        WHERE tenant_id = tenant AND series_id = series;
    END IF;
END $$;

-- Bins whose hours or readings within a span went. Those that lie within it are gone as a whole,
-- whatever is left of what they were made of; one at an end of it is made anew of what is there
-- still. Gives the number of those that stay as they are, since what they are made of is gone.
CREATE FUNCTION dormouse.remove_bins(
    series integer, since timestamptz, until timestamptz, ats timestamptz[],
    numbers double precision[]
) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tenant integer := dormouse.current_tenant();
    days timestamptz[] := ARRAY(
        SELECT DISTINCT date_bin('1 day', edge, '2000-01-01Z') FROM unnest(ARRAY[since, until]) edge
        WHERE edge <> date_bin('1 day', edge, '2000-01-01Z'));
    hours timestamptz[] := ARRAY(
        SELECT DISTINCT date_bin('1 hour', edge, '2000-01-01Z')
        FROM unnest(ARRAY[since, until]) edge
        WHERE edge <> date_bin('1 hour', edge, '2000-01-01Z'));
    -- Days of which all hours are there.
    of_hours timestamptz[] := ARRAY(
        SELECT d.start FROM dormouse.daily d
        WHERE d.tenant_id = tenant AND d.series_id = series AND d.start = ANY (days)
          AND d.n = (SELECT sum(h.n) FROM dormouse.hourly h
                     WHERE h.tenant_id = tenant AND h.series_id = series
                       AND h.start >= d.start AND h.start < d.start + interval '1 day'));
    kept integer;
BEGIN
    DELETE FROM dormouse.hourly WHERE tenant_id = tenant AND series_id = series
        AND start >= since AND start + interval '1 hour' <= until;
    DELETE FROM dormouse.daily WHERE tenant_id = tenant AND series_id = series
        AND start >= since AND start + interval '1 day' <= until;
    PERFORM dormouse.take_from_rollups(array_fill(series, ARRAY[cardinality(ats)]), ats, numbers);
    DELETE FROM dormouse.daily AS d
    WHERE d.tenant_id = tenant AND d.series_id = series AND d.start = ANY (of_hours)
      AND NOT EXISTS (
          SELECT FROM dormouse.hourly h
          WHERE h.tenant_id = tenant AND h.series_id = series AND h.start >= d.start
            AND h.start < d.start + interval '1 day');
    UPDATE dormouse.daily AS d SET
        n = h.n, total = h.total, low = h.low, high = h.high, last = h.last[1][1],
        last_at = h.last_at,
        raw_total = CASE WHEN h.differs THEN h.raw_total END,
        raw_low = CASE WHEN h.differs THEN h.raw_low END,
        raw_high = CASE WHEN h.differs THEN h.raw_high END,
        raw_last = CASE WHEN h.differs THEN h.last[1][2] END
    FROM (
        SELECT date_bin('1 day', start, '2000-01-01Z') AS start, sum(n) AS n, sum(total) AS total,
               min(low) AS low, max(high) AS high,
               array_agg(ARRAY[last, coalesce(raw_last, last)] ORDER BY last_at DESC, last DESC)
                   AS last, max(last_at) AS last_at, bool_or(raw_total IS NOT NULL) AS differs,
               sum(coalesce(raw_total, total)) AS raw_total, min(coalesce(raw_low, low)) AS raw_low,
               max(coalesce(raw_high, high)) AS raw_high
        FROM dormouse.hourly
        WHERE tenant_id = tenant AND series_id = series
          AND date_bin('1 day', start, '2000-01-01Z') = ANY (of_hours)
        GROUP BY 1
    ) AS h
    WHERE d.tenant_id = tenant AND d.series_id = series AND d.start = h.start;
    SELECT count(*) INTO kept FROM (
        SELECT b.start FROM dormouse.hourly b
        WHERE b.tenant_id = tenant AND b.series_id = series AND b.start = ANY (hours)
          AND b.n > (SELECT count(*) FROM dormouse.reading r
                     WHERE r.tenant_id = tenant AND r.series_id = series AND r.value IS NOT NULL
                       AND r.at >= b.start AND r.at < b.start + interval '1 hour')
        UNION ALL
        SELECT b.start FROM dormouse.daily b
        WHERE b.tenant_id = tenant AND b.series_id = series AND b.start = ANY (days)
          AND b.start <> ALL (of_hours)
          AND b.n > (SELECT count(*) FROM dormouse.reading r
                     WHERE r.tenant_id = tenant AND r.series_id = series AND r.value IS NOT NULL
                       AND r.at >= b.start AND r.at < b.start + interval '1 day')
    ) AS b;
    RETURN kept;
END $$;

-- Readings of one series, since <= t < until, and what was made of them; notes it in the trail.
-- What is on its way into the series waits: it locks the newest value first, as this does.
CREATE FUNCTION dormouse.remove_readings(
    removal integer, series integer, since timestamptz, until timestamptz
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tenant integer := dormouse.current_tenant();
    removed bigint;
    ats timestamptz[];
    numbers double precision[];
    kept integer;
BEGIN
    PERFORM FROM dormouse.latest WHERE tenant_id = tenant AND series_id = series FOR UPDATE;
    PERFORM pg_advisory_xact_lock(dormouse.rollup_lock(tenant));
    WITH gone AS (
        DELETE FROM dormouse.reading AS r
        WHERE r.tenant_id = tenant AND r.series_id = series AND r.at >= since AND r.at < until
        RETURNING r.at, r.value
    )
    SELECT count(*), coalesce(array_agg(g.at) FILTER (WHERE g.edge), '{}'),
           coalesce(array_agg(g.value) FILTER (WHERE g.edge), '{}')
    INTO removed, ats, numbers
    FROM (
        SELECT at, value, date_bin('1 day', at, '2000-01-01Z') < since
               OR date_bin('1 day', at, '2000-01-01Z') + interval '1 day' > until AS edge
        FROM gone
    ) AS g;
    DELETE FROM dormouse.quarantine
    WHERE tenant_id = tenant AND series_id = series AND at >= since AND at < until;
    DELETE FROM dormouse.arrival
    WHERE tenant_id = tenant AND series_id = series AND at >= since AND at < until;
    kept := dormouse.remove_bins(series, since, until, ats, numbers);
    IF EXISTS (SELECT FROM dormouse.latest l WHERE l.tenant_id = tenant AND l.series_id = series
               AND l.at >= since AND l.at < until) THEN
        PERFORM dormouse.renew_latest(series);
    END IF;
    UPDATE dormouse.removal AS m SET readings = m.readings + removed, bins_kept = m.bins_kept + kept
    WHERE m.tenant_id = tenant AND m.id = removal;
    RETURN removed;
END $$;

-- A series with whatever is left of it: its readings are removed in steps before.
CREATE FUNCTION dormouse.remove_series(removal integer, series integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tenant integer := dormouse.current_tenant();
    removed bigint;
BEGIN
    -- Before all else: a newest value that is made meanwhile waits here, and finds no series then.
    PERFORM FROM dormouse.series AS s WHERE s.tenant_id = tenant AND s.id = series FOR UPDATE;
    PERFORM FROM dormouse.latest WHERE tenant_id = tenant AND series_id = series FOR UPDATE;
    PERFORM pg_advisory_xact_lock(dormouse.rollup_lock(tenant));
    DELETE FROM dormouse.calibration WHERE tenant_id = tenant AND series_id = series;
    DELETE FROM dormouse.reading WHERE tenant_id = tenant AND series_id = series;
    GET DIAGNOSTICS removed = ROW_COUNT;
    DELETE FROM dormouse.latest WHERE tenant_id = tenant AND series_id = series;
    DELETE FROM dormouse.key_value WHERE tenant_id = tenant AND owner = 'homekit' AND area = 'value'
        AND key = (SELECT concat_ws('/', d.key, s.service, s.index, s.characteristic)
                   FROM dormouse.series s JOIN dormouse.device d
                       ON d.tenant_id = s.tenant_id AND d.id = s.device_id
                   WHERE s.tenant_id = tenant AND s.id = series);
    DELETE FROM dormouse.series AS s WHERE s.tenant_id = tenant AND s.id = series;
    UPDATE dormouse.removal AS m SET readings = m.readings + removed
    WHERE m.tenant_id = tenant AND m.id = removal;
END $$;

-- A device with all that is its own. Its past (names, places, who changed them) ends with a
-- deletion and stays as a trail.
CREATE FUNCTION dormouse.remove_device(removal integer, wanted text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tenant integer := dormouse.current_tenant();
    number integer := (SELECT id FROM dormouse.device WHERE tenant_id = tenant AND key = wanted
                       FOR UPDATE);
    series integer;
BEGIN
    FOR series IN SELECT id FROM dormouse.series
                  WHERE tenant_id = tenant AND device_id = number ORDER BY id
    LOOP
        PERFORM dormouse.remove_series(removal, series);
    END LOOP;
    DELETE FROM dormouse.device WHERE tenant_id = tenant AND id = number;
    -- Its place in HomeKit stays noted as removed, so that nobody else is given its numbers.
    DELETE FROM dormouse.key_value
    WHERE tenant_id = tenant AND owner IN ('homekit', 'mqtt') AND area <> 'accessory'
      AND split_part(key, '/', 1) = wanted;
END $$;

REVOKE EXECUTE ON FUNCTION
    dormouse.begin_removal(text, text, text, timestamptz, timestamptz, text, text),
    dormouse.end_removal(integer), dormouse.renew_latest(integer),
    dormouse.remove_bins(integer, timestamptz, timestamptz, timestamptz[], double precision[]),
    dormouse.remove_readings(integer, integer, timestamptz, timestamptz),
    dormouse.remove_series(integer, integer), dormouse.remove_device(integer, text)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    dormouse.begin_removal(text, text, text, timestamptz, timestamptz, text, text),
    dormouse.end_removal(integer),
    dormouse.remove_readings(integer, integer, timestamptz, timestamptz),
    dormouse.remove_series(integer, integer), dormouse.remove_device(integer, text)
TO dormouse_app;
