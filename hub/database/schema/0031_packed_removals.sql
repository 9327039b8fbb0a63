-- What takes readings out again, from packed days too: by a clock that was set, by hand, by rule.

-- The reading of a series that was measured last.
CREATE FUNCTION dormouse.newest_reading(series integer)
RETURNS TABLE (at timestamptz, value double precision, text text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT n.at, n.value, n.text FROM (
        (SELECT r.at, 1 AS late, 0::bigint AS nth, r.value, r.text FROM dormouse.reading r
         WHERE r.tenant_id = dormouse.current_tenant() AND r.series_id = series
         ORDER BY r.at DESC, r.ctid DESC LIMIT 1)
        UNION ALL
        SELECT u.at, 0, u.nth, u.value, u.text
        FROM dormouse.packed_day p CROSS JOIN LATERAL dormouse.unpack(p) AS u
        WHERE p.tenant_id = dormouse.current_tenant() AND p.series_id = series AND p.day = (
            SELECT max(m.day) FROM dormouse.packed_day m
            WHERE m.tenant_id = dormouse.current_tenant() AND m.series_id = series)
    ) AS n ORDER BY n.at DESC, n.late DESC, n.nth DESC LIMIT 1;
END;
REVOKE EXECUTE ON FUNCTION dormouse.newest_reading(integer) FROM PUBLIC;

-- As before, of readings that were packed meanwhile too: a clock may have been a year behind.
CREATE OR REPLACE FUNCTION dormouse.redate(this_boot text, offset_now double precision) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tenant integer := dormouse.current_tenant();
    serieses integer[]; ats timestamptz[]; numbers double precision[]; texts text[];
    shifts interval[]; in_store boolean[];
    month timestamptz;
BEGIN
    IF NOT EXISTS (SELECT FROM dormouse.arrival WHERE tenant_id = tenant AND boot = this_boot
                   AND abs(clock_offset - offset_now) > 0.5)
       AND NOT EXISTS (SELECT FROM dormouse.device_state WHERE tenant_id = tenant
                       AND clock_boot = this_boot AND abs(clock_offset - offset_now) > 0.5)
    THEN
        RETURN 0;
    END IF;
    PERFORM pg_advisory_xact_lock(dormouse.pack_lock(tenant));
    PERFORM pg_advisory_xact_lock(dormouse.rollup_lock(tenant));
    WITH due AS (
        DELETE FROM dormouse.arrival WHERE tenant_id = tenant AND boot = this_boot
        AND abs(clock_offset - offset_now) > 0.5 RETURNING series_id, at, clock_offset
    ), keys AS (
        SELECT series_id, at, (offset_now - max(clock_offset)) * interval '1 second' AS shift
        FROM due GROUP BY 1, 2
    ), stored AS (
        DELETE FROM dormouse.reading AS r USING keys k
        WHERE r.tenant_id = tenant AND r.series_id = k.series_id AND r.at = k.at
        RETURNING r.series_id, r.at, r.value, r.text, k.shift, true AS in_store
    ), packed AS (
        SELECT g.series_id, t.at, t.value, t.text, k.shift, true
        FROM (SELECT series_id, date_bin('1 day', at, '2000-01-01Z') AS day, array_agg(at) AS ats
              FROM keys GROUP BY 1, 2) AS g
        CROSS JOIN LATERAL dormouse.take_packed(g.series_id, g.day, g.day + interval '1 day', g.ats)
            AS t
        JOIN keys k ON k.series_id = g.series_id AND k.at = t.at
    ), refused AS (
        DELETE FROM dormouse.quarantine AS q USING keys k
        WHERE q.tenant_id = tenant AND q.series_id = k.series_id AND q.at = k.at
        RETURNING q.series_id, q.at, q.value, q.text, k.shift, false
    )
    SELECT array_agg(m.series_id), array_agg(m.at), array_agg(m.value), array_agg(m.text),
           array_agg(m.shift), array_agg(m.in_store)
    INTO serieses, ats, numbers, texts, shifts, in_store
    FROM (SELECT * FROM stored UNION ALL SELECT * FROM packed UNION ALL SELECT * FROM refused) AS m;

    PERFORM dormouse.take_from_rollups(
        (SELECT array_agg(s) FROM unnest(serieses, in_store) AS u(s, k) WHERE k),
        (SELECT array_agg(t) FROM unnest(ats, in_store) AS u(t, k) WHERE k),
        (SELECT array_agg(v) FROM unnest(numbers, in_store) AS u(v, k) WHERE k));
    -- What was the latest may not be it any more; the insert below decides.
    UPDATE dormouse.latest AS l SET at = '-infinity'
    WHERE l.tenant_id = tenant AND (l.series_id, l.at) IN (SELECT * FROM unnest(serieses, ats));
    UPDATE dormouse.latest AS l SET at = r.at, value = r.value, text = r.text
    FROM (SELECT DISTINCT unnest(serieses) AS series_id) AS s CROSS JOIN LATERAL (
        SELECT * FROM dormouse.newest_reading(s.series_id)) AS r
    WHERE l.tenant_id = tenant AND l.series_id = s.series_id AND l.at = '-infinity';

    FOR month IN
        SELECT DISTINCT date_trunc('month', (t + s) AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
        FROM unnest(ats, shifts) AS u(t, s)
        WHERE t + s BETWEEN '2015-01-01Z' AND now() + interval '1 hour'
    LOOP
        PERFORM dormouse.ensure_partition(month);
    END LOOP;
    INSERT INTO dormouse.reading (tenant_id, series_id, at, value, text)
    SELECT tenant, m.s, m.t + m.shift, m.v, m.x
    FROM unnest(serieses, ats, numbers, texts, shifts) AS m(s, t, v, x, shift)
    WHERE m.t + m.shift BETWEEN '2015-01-01Z' AND now() + interval '1 hour';
    INSERT INTO dormouse.quarantine (tenant_id, series_id, at, value, text, reason)
    SELECT tenant, m.s, m.t + m.shift, m.v, m.x,
           CASE WHEN m.t + m.shift < '2015-01-01Z' THEN 'past' ELSE 'future' END
    FROM unnest(serieses, ats, numbers, texts, shifts) AS m(s, t, v, x, shift)
    WHERE m.t + m.shift NOT BETWEEN '2015-01-01Z' AND now() + interval '1 hour';
    -- The clock may be set once more.
    INSERT INTO dormouse.arrival (tenant_id, series_id, at, boot, clock_offset)
    SELECT DISTINCT tenant, m.s, m.t + m.shift, this_boot, offset_now
    FROM unnest(serieses, ats, shifts) AS m(s, t, shift);
    DELETE FROM dormouse.latest WHERE tenant_id = tenant AND at = '-infinity';

    UPDATE dormouse.device_state SET
        seen_at = seen_at + (offset_now - clock_offset) * interval '1 second',
        next_wake_at = next_wake_at + (offset_now - clock_offset) * interval '1 second',
        report_at = report_at + (offset_now - clock_offset) * interval '1 second',
        clock_offset = offset_now
    WHERE tenant_id = tenant AND clock_boot = this_boot AND abs(clock_offset - offset_now) > 0.5;
    RETURN coalesce(cardinality(serieses), 0);
END $$;

-- As before; the newest reading may be one that is packed.
CREATE OR REPLACE FUNCTION dormouse.renew_latest(series integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tenant integer := dormouse.current_tenant();
    newest record;
BEGIN
    SELECT * INTO newest FROM dormouse.newest_reading(series);
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

-- As before, where readings that are packed are there.
CREATE OR REPLACE FUNCTION dormouse.remove_bins(
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
          AND b.n > (SELECT count(*) FROM dormouse.every_reading r
                     WHERE r.tenant_id = tenant AND r.series_id = series AND r.value IS NOT NULL
                       AND r.stored_under >= date_bin('1 day', b.start, '2000-01-01Z')
                       AND r.stored_under < b.start + interval '1 hour'
                       AND r.at >= b.start AND r.at < b.start + interval '1 hour')
        UNION ALL
        SELECT b.start FROM dormouse.daily b
        WHERE b.tenant_id = tenant AND b.series_id = series AND b.start = ANY (days)
          AND b.start <> ALL (of_hours)
          AND b.n > (SELECT count(*) FROM dormouse.every_reading r
                     WHERE r.tenant_id = tenant AND r.series_id = series AND r.value IS NOT NULL
                       AND r.stored_under >= date_bin('1 day', b.start, '2000-01-01Z')
                       AND r.stored_under < b.start + interval '1 day'
                       AND r.at >= b.start AND r.at < b.start + interval '1 day')
    ) AS b;
    RETURN kept;
END $$;

-- As before, and out of packed days: whole ones go as they are.
CREATE OR REPLACE FUNCTION dormouse.remove_readings(
    removal integer, series integer, since timestamptz, until timestamptz
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tenant integer := dormouse.current_tenant();
    removed bigint;
    whole bigint;
    ats timestamptz[];
    numbers double precision[];
    kept integer;
BEGIN
    PERFORM pg_advisory_xact_lock(dormouse.pack_lock(tenant));
    PERFORM FROM dormouse.latest WHERE tenant_id = tenant AND series_id = series FOR UPDATE;
    PERFORM pg_advisory_xact_lock(dormouse.rollup_lock(tenant));
    WITH gone AS (
        DELETE FROM dormouse.packed_day AS p
        WHERE p.tenant_id = tenant AND p.series_id = series AND p.day >= since
          AND p.day + interval '1 day' <= until
        RETURNING p.n
    )
    SELECT coalesce(sum(n), 0) INTO whole FROM gone;
    WITH unpacked AS (
        DELETE FROM dormouse.reading AS r
        WHERE r.tenant_id = tenant AND r.series_id = series AND r.at >= since AND r.at < until
        RETURNING r.at, r.value
    ), gone AS (
        SELECT * FROM unpacked
        UNION ALL
        SELECT t.at, t.value FROM dormouse.take_packed(series, since, until) AS t
    )
    SELECT whole + count(*), coalesce(array_agg(g.at) FILTER (WHERE g.edge), '{}'),
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

-- As before, with its packed days.
CREATE OR REPLACE FUNCTION dormouse.remove_series(removal integer, series integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tenant integer := dormouse.current_tenant();
    removed bigint;
    packed bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(dormouse.pack_lock(tenant));
    -- Before all else: a newest value that is made meanwhile waits here, and finds no series then.
    PERFORM FROM dormouse.series AS s WHERE s.tenant_id = tenant AND s.id = series FOR UPDATE;
    PERFORM FROM dormouse.latest WHERE tenant_id = tenant AND series_id = series FOR UPDATE;
    PERFORM pg_advisory_xact_lock(dormouse.rollup_lock(tenant));
    DELETE FROM dormouse.calibration WHERE tenant_id = tenant AND series_id = series;
    DELETE FROM dormouse.reading WHERE tenant_id = tenant AND series_id = series;
    GET DIAGNOSTICS removed = ROW_COUNT;
    WITH gone AS (
        DELETE FROM dormouse.packed_day WHERE tenant_id = tenant AND series_id = series RETURNING n
    )
    SELECT coalesce(sum(n), 0) INTO packed FROM gone;
    DELETE FROM dormouse.latest WHERE tenant_id = tenant AND series_id = series;
    DELETE FROM dormouse.key_value WHERE tenant_id = tenant AND owner = 'homekit' AND area = 'value'
        AND key = (SELECT concat_ws('/', d.key, s.service, s.index, s.characteristic)
                   FROM dormouse.series s JOIN dormouse.device d
                       ON d.tenant_id = s.tenant_id AND d.id = s.device_id
                   WHERE s.tenant_id = tenant AND s.id = series);
    DELETE FROM dormouse.series AS s WHERE s.tenant_id = tenant AND s.id = series;
    UPDATE dormouse.removal AS m SET readings = m.readings + removed + packed
    WHERE m.tenant_id = tenant AND m.id = removal;
END $$;

-- As before: packed days, which are whole days too, go by the same rule.
CREATE OR REPLACE FUNCTION dormouse.expire(dry boolean)
RETURNS TABLE (what text, series_id integer, before timestamptz, n bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    rule record;
    target record;
    today timestamptz := date_bin('1 day', now(), '2000-01-01Z');
BEGIN
    IF NOT dry THEN
        PERFORM pg_advisory_xact_lock(dormouse.pack_lock(dormouse.current_tenant()));
    END IF;
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
                IF what = 'reading' THEN
                    n := n + (SELECT coalesce(sum(p.n), 0) FROM dormouse.packed_day p
                              WHERE p.tenant_id = rule.tenant_id AND p.series_id = rule.series_id
                                AND p.day < before);
                END IF;
            ELSE
                EXECUTE format('DELETE FROM dormouse.%I WHERE tenant_id = $1 '
                               'AND series_id = $2 AND %I < $3', target.name, target.col)
                USING rule.tenant_id, rule.series_id, before;
                GET DIAGNOSTICS n = ROW_COUNT;
                IF what = 'reading' THEN
                    WITH gone AS (
                        DELETE FROM dormouse.packed_day p
                        WHERE p.tenant_id = rule.tenant_id AND p.series_id = rule.series_id
                          AND p.day < before RETURNING p.n
                    )
                    SELECT expire.n + coalesce(sum(g.n), 0) INTO n FROM gone g;
                END IF;
            END IF;
            IF n > 0 THEN
                RETURN NEXT;
            END IF;
        END LOOP;
    END LOOP;
END $$;
