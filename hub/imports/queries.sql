-- History that others kept before.

-- begin_import --
INSERT INTO dormouse.history_import (source, form, who) VALUES (%(source)s, %(form)s, %(who)s)
RETURNING id;

-- count_import --
UPDATE dormouse.history_import SET lines = %(lines)s, stored = stored + %(stored)s,
    there = there + %(there)s, refused = %(refused)s
WHERE id = %(number)s;

-- end_import --
UPDATE dormouse.history_import SET lines = %(lines)s, refused = %(refused)s, there = %(there)s, form = %(form)s,
    error = %(error)s, finished_at = CASE WHEN %(error)s = '' THEN clock_timestamp() END
WHERE id = %(number)s;

-- imports --
SELECT id, source, form, who, at, lines, stored, there, refused, error, finished_at
FROM dormouse.history_import ORDER BY id DESC LIMIT %s;

-- series_of_names --
-- The numbers of series that there are, and from when until when they have readings.
SELECT w.n, s.id, r.first, r.last
FROM unnest(%s::int[], %s::text[], %s::text[], %s::int[], %s::text[])
    AS w(n, device, service, index, characteristic)
JOIN dormouse.device d ON d.key = w.device
JOIN dormouse.series s ON s.device_id = d.id AND s.service = w.service AND s.index = w.index
    AND s.characteristic = w.characteristic
CROSS JOIN LATERAL (
    SELECT min(first) AS first, max(last) AS last FROM (
        SELECT min(at) AS first, max(at) AS last FROM dormouse.reading WHERE series_id = s.id
        UNION ALL
        SELECT min(day), max(day) + interval '1 day' FROM dormouse.packed_day
        WHERE series_id = s.id) AS e) AS r;

-- rows_judged --
-- What becomes of rows: `there` is the same reading, `other` another value of the same instant;
-- `gone` is in an hour of which the rollup knows more than there are readings: it may have been
-- imported, and expired since.
given AS MATERIALIZED (
    SELECT * FROM unnest(%(series)b::int4[], %(at)b::timestamptz[], %(value)b::float8[],
                         %(text)b::text[]) WITH ORDINALITY AS g(series, at, value, text, n)
), packed AS MATERIALIZED (
    SELECT p.series_id, u.at, u.value, u.text FROM (
        SELECT DISTINCT series, date_bin('1 day', at, '2000-01-01Z') AS day FROM given) AS d
    JOIN dormouse.packed_day p ON p.series_id = d.series AND p.day = d.day
    CROSS JOIN LATERAL dormouse.unpack(p) AS u
), known AS (
    SELECT n, bool_or(same) AS same FROM (
        SELECT g.n, (r.value, r.text) IS NOT DISTINCT FROM (g.value, g.text) AS same
        FROM given g JOIN dormouse.reading r ON r.series_id = g.series AND r.at = g.at
        WHERE r.at >= %(first)s AND r.at <= %(last)s
        UNION ALL
        SELECT g.n, (r.value, r.text) IS NOT DISTINCT FROM (g.value, g.text)
        FROM given g JOIN packed r ON r.series_id = g.series AND r.at = g.at) AS each
    GROUP BY 1
), gone AS MATERIALIZED (
    SELECT h.series, h.start FROM (
        SELECT DISTINCT series, date_bin('1 hour', at, '2000-01-01Z') AS start FROM given
        WHERE value IS NOT NULL AND series IS NOT NULL) AS h
    LEFT JOIN dormouse.hourly b ON b.series_id = h.series AND b.start = h.start
    WHERE b.n > (SELECT count(*) FROM dormouse.reading r
                 WHERE r.series_id = h.series AND r.value IS NOT NULL AND r.at >= h.start
                   AND r.at < h.start + interval '1 hour')
             + (SELECT count(*) FROM packed r
                WHERE r.series_id = h.series AND r.value IS NOT NULL AND r.at >= h.start
                  AND r.at < h.start + interval '1 hour')
       OR b.n IS NULL AND EXISTS (
           SELECT FROM dormouse.daily d
           WHERE d.series_id = h.series AND d.start = date_bin('1 day', h.start, '2000-01-01Z')
             AND d.n > (SELECT coalesce(sum(o.n), 0) FROM dormouse.hourly o
                        WHERE o.series_id = h.series AND o.start >= d.start
                          AND o.start < d.start + interval '1 day'))
), judged AS MATERIALIZED (
    SELECT g.n, CASE WHEN k.same THEN 'there' WHEN k.n IS NOT NULL THEN 'other'
                     WHEN o.series IS NOT NULL THEN 'gone' END AS fate
    FROM given g LEFT JOIN known k ON k.n = g.n
    LEFT JOIN gone o ON o.series = g.series AND o.start = date_bin('1 hour', g.at, '2000-01-01Z')
);

-- judge_rows --
WITH {judged}
SELECT n, fate FROM judged WHERE fate IS NOT NULL;

-- store_rows --
WITH {judged}, added AS (
    INSERT INTO dormouse.reading (tenant_id, series_id, at, value, text)
    SELECT dormouse.current_tenant(), g.series, g.at, g.value, g.text
    FROM given g JOIN judged j USING (n) WHERE j.fate IS NULL ORDER BY g.series, g.at
)
SELECT n, fate FROM judged WHERE fate IS NOT NULL;
