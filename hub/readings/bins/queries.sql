-- Bins of zones. `{...}` are put in by the module.

-- silences --
-- How long the values of series hold: two and a half times as long as one usually takes to come, by
-- the device's word and by the two weeks before; null for a state of which nothing is promised.
SELECT s.id, CASE WHEN u.state AND p.promised IS NULL THEN NULL
    ELSE greatest(2.5 * greatest(p.promised, CASE WHEN h.an_hour >= 2 THEN 3600 / h.an_hour
                                             ELSE h.apart END, 0), 900) * interval '1 second' END
FROM unnest(%(series)s::int[], %(state)s::bool[]) AS u(series, state)
JOIN dormouse.series s ON s.id = u.series
LEFT JOIN LATERAL (
    SELECT CASE WHEN jsonb_typeof(st.report -> 'next_wake_s') = 'number'
           THEN nullif((st.report ->> 'next_wake_s')::float8, 0) END AS promised
    FROM dormouse.device_state st WHERE st.tenant_id = s.tenant_id AND st.device_id = s.device_id
) AS p ON true
LEFT JOIN LATERAL (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n) AS an_hour,
           extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY since_last))::float8
               AS apart
    FROM (SELECT n, start - lag(start) OVER (ORDER BY start) AS since_last FROM dormouse.hourly
          WHERE tenant_id = s.tenant_id AND series_id = s.id
            AND start >= %(until)s::timestamptz - interval '14 days' AND start < %(until)s) AS hours
) AS h ON true;

-- bins_of_readings --
-- What series did between edges in time, in runs of bins that touch; `label` is the beginning of the
-- bin that an edge begins or lies in, `number` counts the series. A value holds until the next
-- one comes, no longer than `held`; the last one before a run holds into it, unless it is older than
-- `floor`, and so does a counter count on. Hours whose readings are gone are taken from the rollup, each in the bin that it begins
-- in (unless it goes beyond `cut`), days whose hours are gone likewise, each where its noon is.
-- Of more than 100,000 readings (years by the hour, values each second) so are all whole hours.
-- The last reading before a run is what the rollup of its hour says, which is kept at least as long.
-- (OFFSET 0: a look into the index for each run, not all of a table joined with all runs.)
spans AS MATERIALIZED (
    SELECT r.*, e.edges, e.labels, e.edges[1] AS since, e.edges[cardinality(e.edges)] AS until,
           date_bin('1 hour', e.edges[1], '2000-01-01Z') AS first_hour,
           date_bin('1 hour', e.edges[cardinality(e.edges)] - interval '1 us', '2000-01-01Z')
               + interval '1 hour' AS end_hour,
           (SELECT sum(n) > 100000 FROM dormouse.hourly
            WHERE series_id = r.series AND start >= e.edges[1]
              AND start < e.edges[cardinality(e.edges)]) AS dense,
           greatest(r.floor, e.edges[1] - CASE WHEN r.counter THEN interval '10 years'
                                          ELSE interval '90 days' END) AS earliest,
           CASE WHEN r.counter THEN ARRAY(
               SELECT (x ->> 'at')::timestamptz FROM dormouse.series s
               JOIN dormouse.device_state st
                   ON st.tenant_id = s.tenant_id AND st.device_id = s.device_id,
               jsonb_array_elements(st.attributes -> 'replacements') AS x WHERE s.id = r.series
               UNION ALL
               -- Nor is it an increase that a source says its numbers otherwise.
               SELECT at FROM dormouse.series_source
               WHERE series_id = r.series AND at > '2000-01-01Z'
           ) END AS replaced
    FROM unnest(%(run)s::int[], %(run_series)s::int[], %(run_floor)s::timestamptz[],
                %(run_cut)s::timestamptz[], %(run_held)s::interval[], %(run_counter)s::bool[],
                %(run_states)s::bool[], %(run_days)s::bool[], %(run_number)s::int[])
        AS r(run, series, floor, cut, held, counter, states, days, number)
    JOIN (SELECT u.run, array_agg(u.edge ORDER BY u.edge) AS edges,
                 array_agg(u.label ORDER BY u.edge) AS labels
          FROM unnest(%(edge_run)s::int[], %(edge)s::timestamptz[], %(label)s::timestamptz[])
              AS u(run, edge, label)
          GROUP BY 1) AS e USING (run)
), runs AS MATERIALIZED (
    SELECT s.*,
           CASE WHEN dense THEN least(first_hour + interval '1 hour', end_hour) ELSE end_hour END
               AS end_of_first,
           CASE WHEN dense THEN greatest(first_hour, end_hour - interval '2 hours')
                                + interval '1 hour' ELSE end_hour END AS last_part
    FROM spans s
), known AS MATERIALIZED (
    SELECT series_id, during, gain, offset_by FROM dormouse.calibration
    WHERE series_id IN (SELECT series FROM runs)
), found AS MATERIALIZED (
    SELECT r.run, m.at, m.value AS raw,
           m.value * coalesce(c.gain, 1) + coalesce(c.offset_by, 0) AS value,
           coalesce(c.gain, 1) AS gain
    FROM runs r CROSS JOIN LATERAL (
        (SELECT last_at AS at, coalesce(raw_last, last) AS value FROM dormouse.hourly
         WHERE series_id = r.series AND start < r.first_hour AND start >= r.earliest
         ORDER BY start DESC LIMIT 1)
        UNION ALL
        (SELECT last_at, coalesce(raw_last, last) FROM dormouse.daily
         WHERE series_id = r.series AND start < r.first_hour - interval '1 day'
           AND start >= r.earliest ORDER BY start DESC LIMIT 1)
        UNION ALL
        SELECT at, value FROM dormouse.every_reading
        WHERE series_id = r.series AND at >= r.first_hour AND at < r.end_of_first
          AND value IS NOT NULL AND stored_under >= date_bin('1 day', r.first_hour, '2000-01-01Z')
          AND stored_under < r.end_of_first AND ({reach})
        UNION ALL
        SELECT at, value FROM dormouse.every_reading
        WHERE series_id = r.series AND at >= r.last_part AND at < r.end_hour
          AND value IS NOT NULL AND stored_under >= date_bin('1 day', r.last_part, '2000-01-01Z')
          AND stored_under < r.end_hour AND r.last_part < r.end_hour AND ({reach})
    ) AS m LEFT JOIN known c ON c.series_id = r.series AND c.during @> m.at
), hours AS MATERIALIZED (
    SELECT r.run, h.*, h.n > coalesce(k.n, 0) AND h.start >= r.since
               AND h.start < r.until AS gone
    FROM runs r CROSS JOIN LATERAL (
        SELECT * FROM dormouse.hourly
        WHERE series_id = r.series AND start >= r.since - interval '2 days'
          AND start < r.until + interval '2 days' OFFSET 0) AS h
    LEFT JOIN (SELECT run, date_bin('1 hour', at, '2000-01-01Z') AS start, count(*) AS n
               FROM found GROUP BY 1, 2) AS k ON k.run = r.run AND k.start = h.start
), days AS MATERIALIZED (
    SELECT r.run, d.*, d.start + interval '1 day' AS ended
    FROM runs r CROSS JOIN LATERAL (
        SELECT * FROM dormouse.daily
        WHERE series_id = r.series AND start >= r.since - interval '12 hours'
          AND start < r.until - interval '12 hours' OFFSET 0) AS d
    LEFT JOIN (SELECT run, date_bin('1 day', start, '2000-01-01Z') AS start, sum(n) AS n
               FROM hours GROUP BY 1, 2) AS k ON k.run = r.run AND k.start = d.start
    WHERE r.days AND d.n > coalesce(k.n, 0)
      AND d.start >= r.floor - interval '1 day' AND d.start + interval '1 day' <= r.cut
), pieces AS (
    SELECT f.run, f.at, f.at AS of, NULL::interval AS whole, 1 AS n, f.value AS mean,
           f.value AS low, f.value AS high, f.value AS last, f.raw, f.gain
    FROM found f JOIN runs r USING (run)
    WHERE f.at >= r.floor AND f.at < r.until
      -- (Not EXISTS: for which each reading might be compared with each hour.)
      AND (f.run, date_bin('1 hour', f.at, '2000-01-01Z'))
          NOT IN (SELECT h.run, h.start FROM hours h WHERE h.gone)
    UNION ALL
    SELECT h.run, h.start, h.start, interval '1 hour', h.n, h.total / h.n, h.low, h.high, h.last,
           coalesce(h.raw_last, h.last), coalesce(c.gain, 1)
    FROM hours h JOIN runs r USING (run)
    LEFT JOIN known c ON c.series_id = h.series_id AND c.during @> h.last_at
    WHERE h.gone AND h.start + interval '1 hour' <= r.cut
      AND NOT EXISTS (SELECT FROM days d WHERE d.run = h.run
                      AND d.start = date_bin('1 day', h.start, '2000-01-01Z'))
    UNION ALL
    SELECT d.run, d.start, d.start + interval '12 hours', interval '1 day', d.n, d.total / d.n,
           d.low, d.high, d.last, coalesce(d.raw_last, d.last), coalesce(c.gain, 1)
    FROM days d
    LEFT JOIN known c ON c.series_id = d.series_id AND c.during @> d.last_at
), ordered AS (
    SELECT p.*, lead(at) OVER w AS next_at, lag(at) OVER w AS before_at, lag(raw) OVER w AS before
    FROM pieces p WINDOW w AS (PARTITION BY run ORDER BY at, last)
), holding AS (
    SELECT p.*, width_bucket(p.of, r.edges) AS bin,
           least(p.next_at, p.at + r.held, r.until, now()) AS ended,
           CASE WHEN NOT r.counter THEN NULL
                WHEN EXISTS (SELECT FROM unnest(r.replaced) AS t
                             WHERE t > p.before_at AND t <= p.at) THEN 0
                ELSE p.gain * dormouse.counter_rise(p.before, p.raw) END AS rise
    FROM ordered p JOIN runs r USING (run)
), slices AS (
    SELECT r.number, r.labels[b.bin] AS start, r.states, b.bin = h.bin AS own, h.at, h.n, h.mean, h.low, h.high, h.last, h.rise,
           extract(epoch FROM CASE WHEN h.whole IS NOT NULL
               THEN least(h.whole, r.edges[b.bin + 1] - r.edges[b.bin])
               ELSE greatest(least(h.ended, r.edges[b.bin + 1]) - greatest(h.at, r.edges[b.bin]),
                             interval '0') END)::float8 AS seconds
    FROM holding h JOIN runs r USING (run) CROSS JOIN LATERAL generate_series(
        greatest(h.bin, 1), CASE WHEN h.whole IS NOT NULL THEN h.bin
            ELSE greatest(h.bin, least(width_bucket(h.ended - interval '1 us', r.edges),
                                       cardinality(r.edges) - 1)) END) AS b(bin)
), made AS (
    SELECT number, start, coalesce(sum(n) FILTER (WHERE own), 0)::int AS n,
           sum(mean * n) FILTER (WHERE own) AS total,
           coalesce(min(low) FILTER (WHERE own), min(low)) AS low,
           coalesce(max(high) FILTER (WHERE own), max(high)) AS high,
           (array_agg(last ORDER BY at DESC, last DESC))[1] AS last,
           sum(mean * seconds) AS area, sum(seconds) AS seconds,
           sum(rise) FILTER (WHERE own) AS rise
    FROM slices WHERE own OR seconds > 0 GROUP BY 1, 2
), spent AS (
    SELECT number, start, jsonb_object_agg(state, seconds) AS states
    FROM (SELECT number, start, last AS state, sum(seconds) AS seconds
          FROM slices WHERE states AND seconds > 0 GROUP BY 1, 2, 3) AS each
    GROUP BY 1, 2
)

-- reach_of_runs --
-- The times of all runs together, as constants: so months that none of them touches are not even
-- planned for, however many there are.
at >= %(since_1)s AND at < %(until_1)s OR at >= %(since_2)s AND at < %(until_2)s
OR at >= %(since_3)s AND at < %(until_3)s OR at >= %(since_4)s AND at < %(until_4)s;

-- days_kept --
-- Of each series how many of the days that are over are worked out, since when there is any, and
-- whether nothing from before `entered` can hold into the first of them: an hour of readings lies
-- between the two.
SELECT u.n, (SELECT count(*) FROM dormouse.day_bin b
             WHERE b.series_id = u.series AND b.zone = %(zone)s
               AND b.start >= greatest(u.since, f.first) AND b.start < u.until),
       CASE WHEN f.first IS NOT NULL THEN greatest(u.since, f.first) END,
       u.entered IS NULL OR EXISTS (
           SELECT FROM dormouse.hourly h
           WHERE h.series_id = u.series AND h.start >= u.entered
             AND h.start <= u.since - interval '1 hour')
FROM unnest(%(n)s::int[], %(series)s::int[], %(since)s::timestamptz[], %(until)s::timestamptz[],
            %(entered)s::timestamptz[]) AS u(n, series, since, until, entered)
CROSS JOIN LATERAL (
    SELECT min(start) - interval '2 days' AS first FROM dormouse.daily
    WHERE series_id = u.series) AS f;

-- days_that_are_kept --
SELECT start, until FROM dormouse.day_bin
WHERE series_id = %(series)s AND zone = %(zone)s AND start >= %(since)s AND start < %(until)s;

-- hold_series --
SELECT FROM dormouse.series WHERE id = %s FOR KEY SHARE;

-- hold_rollups --
SELECT pg_advisory_xact_lock(dormouse.rollup_lock(dormouse.current_tenant()));

-- keep_days --
WITH {bins}
INSERT INTO dormouse.day_bin AS k (series_id, zone, start, until, n, total, low, high, last, area,
                                   seconds, rise, states)
SELECT r.series, %(zone)s, r.edges[b.bin], r.edges[b.bin + 1], coalesce(m.n, 0), m.total, m.low,
       m.high, m.last, m.area, coalesce(m.seconds, 0), m.rise, s.states
FROM runs r CROSS JOIN LATERAL generate_series(1, cardinality(r.edges) - 1) AS b(bin)
LEFT JOIN made m ON m.start = r.edges[b.bin]
LEFT JOIN spent s ON s.start = r.edges[b.bin]
ON CONFLICT (tenant_id, series_id, zone, start) DO UPDATE SET
    until = excluded.until, n = excluded.n, total = excluded.total, low = excluded.low,
    high = excluded.high, last = excluded.last, area = excluded.area, seconds = excluded.seconds,
    rise = excluded.rise, states = excluded.states;

-- bins_of_runs --
-- Bins that are worked out now, as those that are kept have them.
WITH {bins}, every AS (
    SELECT m.number, s.states IS NOT NULL AS stated, m.start AS at, m.n, m.total, m.low, m.high,
           m.last, m.area, m.seconds, m.rise, s.states,
           dormouse.bin_cells(m.n, m.total, m.low, m.high, m.last, m.area, m.seconds, m.rise,
                              s.states) AS cells
    FROM made m LEFT JOIN spent s USING (number, start)
    UNION ALL
    {kept}
);

-- bins_of_days --
-- Days that are kept.
SELECT u.n AS number, b.states IS NOT NULL AS stated, b.start AS at, b.n, b.total, b.low, b.high,
       b.last, b.area, b.seconds, b.rise, b.states, b.cells
FROM unnest(%(kept_n)s::int[], %(kept_series)s::int[], %(kept_since)s::timestamptz[],
            %(kept_until)s::timestamptz[]) AS u(n, series, since, until)
CROSS JOIN LATERAL (
    SELECT * FROM dormouse.day_bin
    WHERE series_id = u.series AND zone = %(zone)s AND start >= u.since AND start < u.until
    OFFSET 0) AS b;

-- pieces_of_bins --
-- Bins of several series, of `every` or of days that are kept alone; `number` counts the series,
-- `label` is a bin's time as text. A bin without readings is told only of a state, which held all
-- the same.
{every} SELECT number, count(*), {columns} FROM (
    SELECT e.number, e.at, l.label, e.n,
           coalesce(e.area / nullif(e.seconds, 0), e.total / nullif(e.n, 0)) AS mean,
           e.low, e.high, e.last, e.total / nullif(e.n, 0) AS plain_mean, e.seconds, e.rise,
           e.states::text AS states, e.cells
    FROM {source} AS e
    JOIN unnest(%(bin)b::timestamptz[], %(bin_label)b::text[]) AS l(at, label) ON l.at = e.at
    WHERE e.n > 0 OR e.stated AND e.seconds > 0
) AS bins GROUP BY number ORDER BY number;
