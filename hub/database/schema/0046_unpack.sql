-- Packed days are read in half the time. Gaps are added up as whole numbers (a sum of bigint is a
-- numeric); and the function has no settings of its own, so that the server puts it into the query
-- that reads: its body is parsed when it is made, with `search_path` as it is here, never later.

-- The readings of a day, `nth` from 1 on. (Each array is unpacked by the server once: a place in
-- one that is compressed would unpack it each time.)
CREATE OR REPLACE FUNCTION dormouse.unpack(p dormouse.packed_day)
RETURNS TABLE (nth bigint, at timestamptz, value double precision, text text)
LANGUAGE sql IMMUTABLE ROWS 288
BEGIN ATOMIC
    SELECT e.nth,
           coalesce(e.at, p.first + p.unit * (
               (e.nth - 1) * p.step + coalesce(e.gap, 0) + coalesce(e.high, 0) * 4294967296
           ) * interval '1 microsecond'),
           CASE WHEN p.scale IS NOT NULL THEN (p.origin + e.change)::double precision / p.scale
                WHEN e.place IS NULL THEN e.number
                WHEN w.numbers IS NOT NULL THEN w.numbers[e.place] END,
           CASE WHEN e.place IS NULL THEN e.text
                WHEN w.texts IS NOT NULL THEN w.texts[e.place] END
    FROM (
        SELECT CASE WHEN p.scale IS NULL AND p.small_changes IS NOT NULL
               THEN p.numbers || '{}'::double precision[] END AS numbers,
               CASE WHEN p.small_changes IS NOT NULL THEN p.texts || '{}'::text[] END AS texts
        OFFSET 0
    ) AS w
    CROSS JOIN (
        SELECT u.nth, u.at, u.number, u.text,
               CASE WHEN p.scale IS NULL THEN u.change END AS place,
               sum(u.gap) OVER before AS gap, sum(u.high) OVER before AS high,
               sum(u.change) OVER before AS change
        FROM unnest(coalesce(p.gaps, p.small_gaps::integer[]),
                    CASE WHEN p.gaps IS NOT NULL THEN p.small_gaps END,
                    coalesce(p.small_changes::integer[], p.changes), p.times,
                    p.numbers, p.texts)
            WITH ORDINALITY AS u(gap, high, change, at, number, text, nth)
        WINDOW before AS (ORDER BY u.nth ROWS UNBOUNDED PRECEDING)
    ) AS e;
END;
