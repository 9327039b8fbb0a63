-- What was dated by a clock that may be set yet, so that it can be dated again: a Raspberry Pi
-- starts with a wrong one. `boot` and `clock_offset` (s) say by which (hub/runtime/host_clock.py).
-- Nothing is noted while the clock is known to be right.
CREATE TABLE dormouse.arrival (
    tenant_id integer NOT NULL,
    series_id integer NOT NULL,
    at timestamptz NOT NULL,
    boot text NOT NULL,
    clock_offset double precision NOT NULL,
    FOREIGN KEY (tenant_id, series_id) REFERENCES dormouse.series (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX arrival_by_boot ON dormouse.arrival (tenant_id, boot, clock_offset);

-- By which clock the times of a device's last report were found; null: by one that was right.
ALTER TABLE dormouse.device_state
    ADD COLUMN clock_boot text,
    ADD COLUMN clock_offset double precision;

-- A latest value from the future was dated by a wrong clock: whatever comes now is newer.
CREATE OR REPLACE FUNCTION dormouse.keep_latest() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO dormouse.latest AS l (tenant_id, series_id, at, value, text)
    SELECT DISTINCT ON (series_id) tenant_id, series_id, at, value, text
    FROM added ORDER BY series_id, at DESC
    ON CONFLICT (tenant_id, series_id) DO UPDATE
    SET at = excluded.at, value = excluded.value, text = excluded.text
    WHERE l.at <= excluded.at OR l.at > now() + interval '1 hour';
    RETURN NULL;
END $$;

-- Takes readings out of rollups. A bin whose other readings are all there is made anew; one of
-- which retention has removed some keeps its extremes.
CREATE FUNCTION dormouse.take_from_rollups(
    serieses integer[], ats timestamptz[], numbers double precision[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    tenant integer := dormouse.current_tenant();
    width interval;
    rollup text;
BEGIN
    FOR rollup, width IN VALUES ('hourly', interval '1 hour'), ('daily', interval '1 day') LOOP
        EXECUTE format($sql$
            WITH gone AS (
                SELECT g.series, date_bin($1, g.at, '2000-01-01Z') AS start, count(*) AS n,
                       sum(g.value * coalesce(c.gain, 1) + coalesce(c.offset_by, 0)) AS total
                FROM unnest($2, $3, $4) AS g(series, at, value)
                LEFT JOIN dormouse.calibration c
                    ON c.tenant_id = $5 AND c.series_id = g.series AND c.during @> g.at
                WHERE g.value IS NOT NULL GROUP BY 1, 2
            ), bins AS (
                SELECT g.*, left_over.* FROM gone g CROSS JOIN LATERAL (
                    SELECT count(*) AS left_n, sum(value) AS left_total, min(value) AS left_low,
                           max(value) AS left_high, max(at) AS left_at,
                           (array_agg(value ORDER BY at DESC, value DESC))[1] AS left_last
                    FROM dormouse.calibrated
                    WHERE tenant_id = $5 AND series_id = g.series AND at >= g.start
                      AND at < g.start + $1 AND value IS NOT NULL) AS left_over
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
                last_at = CASE WHEN b.left_n = r.n - b.n THEN b.left_at ELSE r.last_at END
            FROM bins b
            WHERE r.tenant_id = $5 AND r.series_id = b.series AND r.start = b.start AND r.n > b.n
            $sql$, rollup) USING width, serieses, ats, numbers, tenant;
    END LOOP;
END $$;

-- Dates again what the machine's start `this_boot` dated by another offset than the clock has now;
-- says how many readings. Whole or not at all, and again without harm.
CREATE FUNCTION dormouse.redate(this_boot text, offset_now double precision) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
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
    ), refused AS (
        DELETE FROM dormouse.quarantine AS q USING keys k
        WHERE q.tenant_id = tenant AND q.series_id = k.series_id AND q.at = k.at
        RETURNING q.series_id, q.at, q.value, q.text, k.shift, false
    )
    SELECT array_agg(m.series_id), array_agg(m.at), array_agg(m.value), array_agg(m.text),
           array_agg(m.shift), array_agg(m.in_store)
    INTO serieses, ats, numbers, texts, shifts, in_store
    FROM (SELECT * FROM stored UNION ALL SELECT * FROM refused) AS m;

    PERFORM dormouse.take_from_rollups(
        (SELECT array_agg(s) FROM unnest(serieses, in_store) AS u(s, k) WHERE k),
        (SELECT array_agg(t) FROM unnest(ats, in_store) AS u(t, k) WHERE k),
        (SELECT array_agg(v) FROM unnest(numbers, in_store) AS u(v, k) WHERE k));
    -- What was the latest may not be it any more; the insert below decides.
    UPDATE dormouse.latest AS l SET at = '-infinity'
    WHERE l.tenant_id = tenant AND (l.series_id, l.at) IN (SELECT * FROM unnest(serieses, ats));
    UPDATE dormouse.latest AS l SET at = r.at, value = r.value, text = r.text
    FROM (SELECT DISTINCT unnest(serieses) AS series_id) AS s CROSS JOIN LATERAL (
        SELECT r.at, r.value, r.text FROM dormouse.reading AS r
        WHERE r.tenant_id = tenant AND r.series_id = s.series_id ORDER BY r.at DESC LIMIT 1) AS r
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

GRANT SELECT, INSERT, DELETE ON dormouse.arrival TO dormouse_app;
