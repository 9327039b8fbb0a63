-- A day with a gap of more than 36 minutes, told to the microsecond, kept each time in eight bytes. Now
-- the step is one from which all gaps are as far, where they lie within 71 minutes; where they do not,
-- their high parts stand in `small_gaps` beside `gaps`, in units of 2^32.

-- The readings of a day, `nth` from 1 on. (Each array is unpacked by the server once: a place in
-- one that is compressed would unpack it each time.)
CREATE OR REPLACE FUNCTION dormouse.unpack(p dormouse.packed_day)
RETURNS TABLE (nth bigint, at timestamptz, value double precision, text text)
LANGUAGE sql IMMUTABLE ROWS 288 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT e.nth,
           coalesce(e.at, p.first + p.unit * ((e.nth - 1) * p.step + coalesce(e.gap, 0))
                                  * interval '1 microsecond'),
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
               sum(CASE WHEN u.high IS NULL THEN u.gap ELSE u.gap + u.high * 4294967296 END)
                   OVER before AS gap,
               sum(u.change) OVER before AS change
        FROM unnest(coalesce(p.gaps, p.small_gaps::integer[]),
                    CASE WHEN p.gaps IS NOT NULL THEN p.small_gaps END,
                    coalesce(p.small_changes::integer[], p.changes), p.times,
                    p.numbers, p.texts)
            WITH ORDINALITY AS u(gap, high, change, at, number, text, nth)
        WINDOW before AS (ORDER BY u.nth ROWS UNBOUNDED PRECEDING)
    ) AS e;
END;

-- Packs the readings of a day of the current tenant, given in order. A number or a time that would
-- not be the same to the last bit is never written: it is looked at before.
CREATE OR REPLACE FUNCTION dormouse.pack(
    series integer, start timestamptz, ats timestamptz[], numbers double precision[], texts text[]
) RETURNS dormouse.packed_day
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    p dormouse.packed_day;
    steps bigint[];
    highs bigint[];
    least_gap bigint;
    most_gap bigint;
    scaled bigint[];
    changes bigint[];
    -- By their bits: 0 and -0 are two.
    different double precision[];
    parts double precision;
    widest bigint;
BEGIN
    p.tenant_id := dormouse.current_tenant();
    p.series_id := series;
    p.day := start;
    p.first := ats[1];
    p.n := cardinality(ats);

    steps := ARRAY(
        SELECT (date_part('epoch', at - lag(at, 1, at) OVER (ORDER BY nth)) * 1e6)::bigint
        FROM unnest(ats) WITH ORDINALITY AS u(at, nth) ORDER BY nth);
    p.unit := CASE WHEN (SELECT bool_and(s % 1000000 = 0) FROM unnest(steps) AS s) THEN 1000000
                   WHEN (SELECT bool_and(s % 1000 = 0) FROM unnest(steps) AS s) THEN 1000
                   ELSE 1 END;
    p.step := coalesce((SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY s / p.unit)
                        FROM unnest(steps[2:]) AS s), 0);
    SELECT min(s / p.unit), max(s / p.unit) INTO least_gap, most_gap FROM unnest(steps[2:]) AS s;
    IF greatest(most_gap - p.step, p.step - least_gap) > 2147483647
       AND most_gap - least_gap < 4294967295
    THEN
        p.step := (least_gap + most_gap) / 2;  -- so that each fits
    END IF;
    steps := ARRAY(SELECT CASE WHEN nth = 1 THEN 0 ELSE s / p.unit - p.step END
                   FROM unnest(steps) WITH ORDINALITY AS u(s, nth) ORDER BY nth);
    widest := (SELECT max(abs(s)) FROM unnest(steps) AS s);
    IF widest > 2147483647 THEN
        highs := ARRAY(SELECT floor((s + 2147483648) / 4294967296.0)::bigint
                       FROM unnest(steps) WITH ORDINALITY AS u(s, nth) ORDER BY nth);
        IF (SELECT max(abs(h)) > 32767 FROM unnest(highs) AS h) THEN
            p.times := ats;
        ELSE
            p.small_gaps := highs::smallint[];
            p.gaps := ARRAY(SELECT (s - h * 4294967296)::integer
                            FROM unnest(steps, highs) WITH ORDINALITY AS u(s, h, nth)
                            ORDER BY nth);
        END IF;
    ELSIF widest > 32767 THEN
        p.gaps := steps::integer[];
    ELSIF widest > 0 THEN
        p.small_gaps := steps::smallint[];
    END IF;

    IF array_position(numbers, NULL) IS NOT NULL THEN
        IF array_remove(numbers, NULL) <> '{}' THEN
            p.numbers := numbers;
            p.texts := texts;
            RETURN p;
        END IF;
        p.texts := ARRAY(SELECT DISTINCT t COLLATE "C" FROM unnest(texts) AS t);
        IF cardinality(p.texts) > least(p.n / 2, 1000) THEN
            p.texts := texts;
        ELSE
            p.small_changes := ARRAY(SELECT array_position(p.texts, t)
                                     FROM unnest(texts) WITH ORDINALITY AS u(t, nth) ORDER BY nth);
        END IF;
        RETURN p;
    END IF;

    FOREACH parts IN ARRAY ARRAY[1, 10, 100, 1000, 10000, 100000, 1000000] LOOP
        IF (SELECT bool_and(CASE WHEN v BETWEEN -9e15 / parts AND 9e15 / parts
                            THEN float8send(round(v * parts)::bigint::double precision / parts)
                                 = float8send(v) ELSE false END)
            FROM unnest(numbers) AS v)
        THEN
            p.scale := parts;
            EXIT;
        END IF;
    END LOOP;
    IF p.scale IS NOT NULL THEN
        scaled := ARRAY(SELECT round(v * p.scale)::bigint
                        FROM unnest(numbers) WITH ORDINALITY AS u(v, nth) ORDER BY nth);
        changes := ARRAY(SELECT s - lag(s, 1, s) OVER (ORDER BY nth)
                         FROM unnest(scaled) WITH ORDINALITY AS u(s, nth) ORDER BY nth);
        widest := (SELECT max(abs(c)) FROM unnest(changes) AS c);
        IF widest <= 32767 THEN
            p.origin := scaled[1];
            p.small_changes := changes::smallint[];
            RETURN p;
        END IF;
    END IF;
    different := ARRAY(SELECT (array_agg(v))[1] FROM unnest(numbers) AS v GROUP BY float8send(v)
                       ORDER BY float8send(v));
    IF cardinality(different) <= least(p.n / 4, 1000) THEN
        p.scale := NULL;
        p.numbers := different;
        p.small_changes := ARRAY(
            SELECT w.place FROM unnest(numbers) WITH ORDINALITY AS u(v, nth)
            JOIN unnest(different) WITH ORDINALITY AS w(v, place)
                ON float8send(w.v) = float8send(u.v) ORDER BY u.nth);
    ELSIF p.scale IS NOT NULL AND widest <= 2147483647 THEN
        p.origin := scaled[1];
        p.changes := changes::integer[];
    ELSE
        p.scale := NULL;
        p.numbers := numbers;
    END IF;
    RETURN p;
END $$;
