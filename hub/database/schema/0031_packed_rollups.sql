-- What makes rollups, of readings that are packed as of those that are not.

-- Rollups of one series within a range, as before, of packed readings too.
CREATE OR REPLACE FUNCTION dormouse.recompute_rollups(series integer, during tstzrange)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tenant integer := dormouse.current_tenant();
    since timestamptz := date_bin('1 day', coalesce(lower(during), least(
        (SELECT min(at) FROM dormouse.reading WHERE tenant_id = tenant AND series_id = series),
        (SELECT min(day) FROM dormouse.packed_day WHERE tenant_id = tenant AND series_id = series),
        (SELECT min(start) FROM dormouse.hourly WHERE tenant_id = tenant AND series_id = series),
        (SELECT min(start) FROM dormouse.daily WHERE tenant_id = tenant AND series_id = series))),
        '2000-01-01Z');
    until timestamptz := date_bin('1 day', coalesce(upper(during), greatest(
        (SELECT max(at) FROM dormouse.reading WHERE tenant_id = tenant AND series_id = series),
        (SELECT max(day) FROM dormouse.packed_day WHERE tenant_id = tenant AND series_id = series),
        (SELECT max(start) FROM dormouse.daily WHERE tenant_id = tenant AND series_id = series))),
        '2000-01-01Z') + interval '1 day';
    width interval;
    rollup text;
BEGIN
    PERFORM pg_advisory_xact_lock(dormouse.rollup_lock(tenant));
    FOR rollup, width IN VALUES ('hourly', interval '1 hour'), ('daily', interval '1 day') LOOP
        EXECUTE format($sql$
            WITH made AS MATERIALIZED (
                SELECT date_bin($1, at, '2000-01-01Z') AS start, count(*) AS n,
                       sum(value) AS total, min(value) AS low, max(value) AS high,
                       array_agg(ARRAY[value, raw] ORDER BY at DESC, value DESC) AS last,
                       max(at) AS last_at, bool_or(value <> raw) AS differs,
                       sum(raw) AS raw_total, min(raw) AS raw_low, max(raw) AS raw_high
                FROM dormouse.calibrated
                WHERE tenant_id = $5 AND series_id = $2 AND at >= $3 AND at < $4
                  AND stored_under >= $3 AND stored_under < $4
                  AND value IS NOT NULL
                GROUP BY 1
            ), put AS (
                INSERT INTO dormouse.%1$I AS r
                SELECT $5, $2, start, n, total, low, high, last[1][1], last_at,
                       CASE WHEN differs THEN raw_total END, CASE WHEN differs THEN raw_low END,
                       CASE WHEN differs THEN raw_high END, CASE WHEN differs THEN last[1][2] END
                FROM made
                WHERE NOT EXISTS (
                    SELECT FROM dormouse.%1$I AS o
                    WHERE o.tenant_id = $5 AND o.series_id = $2 AND o.start = made.start
                      AND o.n > made.n)
                ON CONFLICT (tenant_id, series_id, start) DO UPDATE SET
                    n = excluded.n, total = excluded.total, low = excluded.low,
                    high = excluded.high, last = excluded.last, last_at = excluded.last_at,
                    raw_total = excluded.raw_total, raw_low = excluded.raw_low,
                    raw_high = excluded.raw_high, raw_last = excluded.raw_last
            ), gone AS (
                SELECT r.start, coalesce(c.gain, 1) AS gain, coalesce(c.offset_by, 0) AS shift,
                       c.id IS NULL AS plain
                FROM dormouse.%1$I AS r
                LEFT JOIN made m ON m.start = r.start
                LEFT JOIN dormouse.calibration c
                    ON c.tenant_id = $5 AND c.series_id = $2
                    AND c.during @> tstzrange(r.start, r.start + $1)
                WHERE r.tenant_id = $5 AND r.series_id = $2 AND r.start >= $3 AND r.start < $4
                  AND r.n > coalesce(m.n, 0)
                  AND (c.id IS NOT NULL OR NOT EXISTS (
                      SELECT FROM dormouse.calibration o
                      WHERE o.tenant_id = $5 AND o.series_id = $2
                        AND o.during && tstzrange(r.start, r.start + $1)))
            )
            UPDATE dormouse.%1$I AS r SET
                total = g.gain * coalesce(r.raw_total, r.total) + r.n * g.shift,
                low = g.gain * CASE WHEN g.gain > 0 THEN coalesce(r.raw_low, r.low)
                               ELSE coalesce(r.raw_high, r.high) END + g.shift,
                high = g.gain * CASE WHEN g.gain > 0 THEN coalesce(r.raw_high, r.high)
                                ELSE coalesce(r.raw_low, r.low) END + g.shift,
                last = g.gain * coalesce(r.raw_last, r.last) + g.shift,
                raw_total = CASE WHEN NOT g.plain THEN coalesce(r.raw_total, r.total) END,
                raw_low = CASE WHEN NOT g.plain THEN coalesce(r.raw_low, r.low) END,
                raw_high = CASE WHEN NOT g.plain THEN coalesce(r.raw_high, r.high) END,
                raw_last = CASE WHEN NOT g.plain THEN coalesce(r.raw_last, r.last) END
            FROM gone g
            WHERE r.tenant_id = $5 AND r.series_id = $2 AND r.start = g.start
            $sql$, rollup) USING width, series, since, until, tenant;
    END LOOP;
    WITH hours AS (
        SELECT date_bin('1 day', start, '2000-01-01Z') AS start, sum(n) AS n, sum(total) AS total,
               min(low) AS low, max(high) AS high,
               array_agg(ARRAY[last, coalesce(raw_last, last)] ORDER BY last_at DESC, last DESC)
                   AS last, max(last_at) AS last_at, bool_or(raw_total IS NOT NULL) AS differs,
               sum(coalesce(raw_total, total)) AS raw_total, min(coalesce(raw_low, low)) AS raw_low,
               max(coalesce(raw_high, high)) AS raw_high
        FROM dormouse.hourly
        WHERE tenant_id = tenant AND series_id = series AND start >= since AND start < until
        GROUP BY 1
    )
    UPDATE dormouse.daily AS r SET
        total = h.total, low = h.low, high = h.high, last = h.last[1][1],
        raw_total = CASE WHEN h.differs THEN h.raw_total END,
        raw_low = CASE WHEN h.differs THEN h.raw_low END,
        raw_high = CASE WHEN h.differs THEN h.raw_high END,
        raw_last = CASE WHEN h.differs THEN h.last[1][2] END
    FROM hours h
    WHERE r.tenant_id = tenant AND r.series_id = series AND r.start = h.start AND r.n = h.n
      AND EXISTS (
          SELECT FROM dormouse.calibration o
          WHERE o.tenant_id = tenant AND o.series_id = series
            AND o.during && tstzrange(r.start, r.start + interval '1 day')
            AND NOT o.during @> tstzrange(r.start, r.start + interval '1 day'));
END $$;

-- As before: readings that are packed are there.
CREATE OR REPLACE FUNCTION dormouse.whole_bin(series integer, instant timestamptz, up boolean)
RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tenant integer := dormouse.current_tenant();
    width interval;
    rollup text;
    edge timestamptz;
    gone boolean;
BEGIN
    FOR rollup, width IN VALUES ('hourly', interval '1 hour'), ('daily', interval '1 day') LOOP
        edge := date_bin(width, instant, '2000-01-01Z');
        CONTINUE WHEN edge IS NULL OR edge = instant;
        EXECUTE format($sql$
            SELECT EXISTS (
                SELECT FROM dormouse.%1$I r
                WHERE r.tenant_id = $1 AND r.series_id = $2 AND r.start = $3
                  AND r.n > (SELECT count(*) FROM dormouse.every_reading
                             WHERE tenant_id = $1 AND series_id = $2 AND value IS NOT NULL
                               AND stored_under >= date_bin('1 day', $3, '2000-01-01Z')
                               AND stored_under < $3 + $4 AND at >= $3 AND at < $3 + $4)
                  AND ($4 = interval '1 hour' OR r.n > (
                      SELECT coalesce(sum(n), 0) FROM dormouse.hourly
                      WHERE tenant_id = $1 AND series_id = $2 AND start >= $3
                        AND start < $3 + $4)))
            $sql$, rollup) INTO gone USING tenant, series, edge, width;
        IF gone THEN
            RETURN CASE WHEN up THEN edge + width ELSE edge END;
        END IF;
    END LOOP;
    RETURN instant;
END $$;

-- As before, with what is packed of a bin.
CREATE OR REPLACE FUNCTION dormouse.take_from_rollups(
    serieses integer[], ats timestamptz[], numbers double precision[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tenant integer := dormouse.current_tenant();
    width interval;
    rollup text;
BEGIN
    FOR rollup, width IN VALUES ('hourly', interval '1 hour'), ('daily', interval '1 day') LOOP
        EXECUTE format($sql$
            WITH gone AS (
                SELECT g.series, date_bin($1, g.at, '2000-01-01Z') AS start, count(*) AS n,
                       sum(g.value * coalesce(c.gain, 1) + coalesce(c.offset_by, 0)) AS total,
                       sum(g.value) AS raw_total
                FROM unnest($2, $3, $4) AS g(series, at, value)
                LEFT JOIN dormouse.calibration c
                    ON c.tenant_id = $5 AND c.series_id = g.series AND c.during @> g.at
                WHERE g.value IS NOT NULL GROUP BY 1, 2
            ), bins AS (
                SELECT g.*, left_over.* FROM gone g CROSS JOIN LATERAL (
                    SELECT count(*) AS left_n, sum(value) AS left_total, min(value) AS left_low,
                           max(value) AS left_high, max(at) AS left_at,
                           (array_agg(value ORDER BY at DESC, value DESC))[1] AS left_last,
                           bool_or(value <> raw) AS differs, sum(raw) AS left_raw_total,
                           min(raw) AS left_raw_low, max(raw) AS left_raw_high,
                           (array_agg(raw ORDER BY at DESC, value DESC))[1] AS left_raw_last
                    FROM dormouse.calibrated
                    WHERE tenant_id = $5 AND series_id = g.series AND at >= g.start
                      AND at < g.start + $1 AND value IS NOT NULL
                      AND stored_under >= date_bin('1 day', g.start, '2000-01-01Z')
                      AND stored_under < g.start + $1) AS left_over
            ), emptied AS (
                DELETE FROM dormouse.%1$I AS r USING bins b
                WHERE r.tenant_id = $5 AND r.series_id = b.series AND r.start = b.start
                  AND r.n <= b.n
            )
            UPDATE dormouse.%1$I AS r SET
                n = r.n - b.n,
                total = CASE WHEN b.left_n = r.n - b.n THEN b.left_total ELSE r.total - b.total END,
                low = CASE WHEN b.left_n = r.n - b.n THEN b.left_low ELSE r.low END,
                high = CASE WHEN b.left_n = r.n - b.n THEN b.left_high ELSE r.high END,
                last = CASE WHEN b.left_n = r.n - b.n THEN b.left_last ELSE r.last END,
                last_at = CASE WHEN b.left_n = r.n - b.n THEN b.left_at ELSE r.last_at END,
                raw_total = CASE
                    WHEN b.left_n <> r.n - b.n THEN r.raw_total - b.raw_total
                    WHEN b.differs THEN b.left_raw_total END,
                raw_low = CASE WHEN b.left_n <> r.n - b.n THEN r.raw_low
                          WHEN b.differs THEN b.left_raw_low END,
                raw_high = CASE WHEN b.left_n <> r.n - b.n THEN r.raw_high
                           WHEN b.differs THEN b.left_raw_high END,
                raw_last = CASE WHEN b.left_n <> r.n - b.n THEN r.raw_last
                           WHEN b.differs THEN b.left_raw_last END
            FROM bins b
            WHERE r.tenant_id = $5 AND r.series_id = b.series AND r.start = b.start AND r.n > b.n
            $sql$, rollup) USING width, serieses, ats, numbers, tenant;
    END LOOP;
END $$;
