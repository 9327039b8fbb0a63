-- Old readings packed: a series' day (UTC) in one row of arrays, without losing a bit.

-- Times are gaps from one reading to the next, in units of `unit` microseconds, less `step`; null
-- where each is as long as the step. `times` has the times themselves where a gap is too large.
-- Numbers that are decimals are changes from one to the next, from `origin` on, in parts of `scale`
-- (100: hundredths); a division of whole numbers gives them back to the last bit. Of others, and of
-- texts, each different one stands in `numbers` or `texts` once and `small_changes` says which, or
-- they stand there as they came. No index has them; what finds them is the day.
CREATE TABLE dormouse.packed_day (
    tenant_id integer NOT NULL,
    series_id integer NOT NULL,
    day timestamptz NOT NULL,
    first timestamptz NOT NULL,
    step bigint NOT NULL,
    unit integer NOT NULL,
    n integer NOT NULL CHECK (n > 0),
    origin bigint,
    scale double precision,
    small_gaps smallint[],
    gaps integer[],
    times timestamptz[],
    small_changes smallint[],
    changes integer[],
    numbers double precision[],
    texts text[],
    PRIMARY KEY (tenant_id, series_id, day),
    FOREIGN KEY (tenant_id, series_id) REFERENCES dormouse.series (tenant_id, id) ON DELETE CASCADE
);
GRANT SELECT ON dormouse.packed_day TO dormouse_app;

-- lz4 unpacks several times as quickly; not every server was built with it.
DO $$
DECLARE
    one text;
BEGIN
    IF (SELECT 'lz4' = ANY (enumvals) FROM pg_settings
        WHERE name = 'default_toast_compression')
    THEN
        FOREACH one IN ARRAY ARRAY['small_gaps', 'gaps', 'times', 'small_changes', 'changes',
                                   'numbers', 'texts'] LOOP
            EXECUTE format('ALTER TABLE dormouse.packed_day ALTER %I SET COMPRESSION lz4', one);
        END LOOP;
    END IF;
END $$;

-- The readings of a day, `nth` from 1 on. (Each array is unpacked by the server once: a place in
-- one that is compressed would unpack it each time.)
CREATE FUNCTION dormouse.unpack(p dormouse.packed_day)
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
               sum(u.gap) OVER before AS gap, sum(u.change) OVER before AS change
        FROM unnest(coalesce(p.small_gaps::integer[], p.gaps),
                    coalesce(p.small_changes::integer[], p.changes), p.times,
                    p.numbers, p.texts)
            WITH ORDINALITY AS u(gap, change, at, number, text, nth)
        WINDOW before AS (ORDER BY u.nth ROWS UNBOUNDED PRECEDING)
    ) AS e;
END;

-- Packs the readings of a day of the current tenant, given in order. A number or a time that would
-- not be the same to the last bit is never written: it is looked at before.
CREATE FUNCTION dormouse.pack(
    series integer, start timestamptz, ats timestamptz[], numbers double precision[], texts text[]
) RETURNS dormouse.packed_day
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    p dormouse.packed_day;
    steps bigint[];
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
    steps := ARRAY(SELECT CASE WHEN nth = 1 THEN 0 ELSE s / p.unit - p.step END
                   FROM unnest(steps) WITH ORDINALITY AS u(s, nth) ORDER BY nth);
    widest := (SELECT max(abs(s)) FROM unnest(steps) AS s);
    IF widest > 2147483647 THEN
        p.times := ats;
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

-- Every reading, packed or not. `stored_under` is what finds it: its own time, or that of its day's
-- beginning. Who asks for a time says so of both, or all of the series' days are unpacked:
-- stored_under >= date_bin('1 day', since, '2000-01-01Z') AND stored_under < until
-- AND at >= since AND at < until. `nth` and `row_id` order those of one instant.
CREATE VIEW dormouse.every_reading WITH (security_invoker = true) AS
SELECT r.tenant_id, r.series_id, r.at AS stored_under, r.at, 0::bigint AS nth, r.ctid AS row_id,
       r.value, r.text
FROM dormouse.reading r
UNION ALL
SELECT p.tenant_id, p.series_id, p.day, u.at, u.nth, NULL::tid, u.value, u.text
FROM dormouse.packed_day p CROSS JOIN LATERAL dormouse.unpack(p) AS u;
GRANT SELECT ON dormouse.every_reading TO dormouse_app;

CREATE OR REPLACE VIEW dormouse.calibrated WITH (security_invoker = true) AS
SELECT r.tenant_id, r.series_id, s.device_id, r.at,
       coalesce(r.row_id, format('(%s,0)', r.nth)::tid) AS row_id, r.value AS raw,
       r.value * coalesce(c.gain, 1) + coalesce(c.offset_by, 0) AS value, r.text, r.stored_under
FROM dormouse.every_reading r
JOIN dormouse.series s ON s.tenant_id = r.tenant_id AND s.id = r.series_id
LEFT JOIN dormouse.calibration c
    ON c.tenant_id = r.tenant_id AND c.series_id = r.series_id AND c.during @> r.at;

-- What takes readings out of a tenant's store, or packs them, does so one after the other; it is
-- asked for before all other locks. What comes in does not wait for it.
CREATE FUNCTION dormouse.pack_lock(tenant integer) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
RETURN hashtextextended('dormouse packing', tenant);

-- Packs days of a series of the current tenant that were over before an instant, the earliest
-- first, `most` of them, from `since` on. What came late goes into the day's row. Gives where to go
-- on, null when there is nothing left. A day of more than 200,000 readings stays as it is: it would
-- take a small machine's memory.
CREATE FUNCTION dormouse.pack_days(
    series integer, since timestamptz, before timestamptz, most integer,
    OUT days integer, OUT readings bigint, OUT next timestamptz
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tenant integer := dormouse.current_tenant();
    today timestamptz := date_bin('1 day', before, '2000-01-01Z');
    one timestamptz;
    large boolean;
    packed dormouse.packed_day;
    ats timestamptz[];
    numbers double precision[];
    texts text[];
BEGIN
    days := 0;
    readings := 0;
    next := since;
    PERFORM pg_advisory_xact_lock(dormouse.pack_lock(tenant));
    FOR turn IN 1..most LOOP
        SELECT date_bin('1 day', min(r.at), '2000-01-01Z') INTO one FROM dormouse.reading r
        WHERE r.tenant_id = tenant AND r.series_id = series AND r.at >= next AND r.at < today;
        IF one IS NULL THEN
            next := NULL;
            RETURN;
        END IF;
        next := one + interval '1 day';
        SELECT count(*) > 200000 INTO large FROM (
            SELECT FROM dormouse.every_reading r
            WHERE r.tenant_id = tenant AND r.series_id = series AND r.stored_under >= one
              AND r.stored_under < next LIMIT 200001) AS c;
        CONTINUE WHEN large;
        WITH gone AS (
            DELETE FROM dormouse.reading r
            WHERE r.tenant_id = tenant AND r.series_id = series AND r.at >= one AND r.at < next
            RETURNING r.at, r.value, r.text, r.ctid AS row_id
        ), every AS (
            SELECT g.at, g.value, g.text, 1 AS late, 0 AS nth, g.row_id FROM gone g
            UNION ALL
            SELECT u.at, u.value, u.text, 0, u.nth, NULL
            FROM dormouse.packed_day p CROSS JOIN LATERAL dormouse.unpack(p) AS u
            WHERE p.tenant_id = tenant AND p.series_id = series AND p.day = one
        )
        SELECT array_agg(e.at ORDER BY e.at, e.late, e.nth, e.row_id),
               array_agg(e.value ORDER BY e.at, e.late, e.nth, e.row_id),
               array_agg(e.text ORDER BY e.at, e.late, e.nth, e.row_id),
               readings + sum(e.late), days + 1
        INTO ats, numbers, texts, readings, days FROM every e;
        PERFORM dormouse.put_packed(series, one, ats, numbers, texts);
    END LOOP;
END $$;

-- The row of a day: that of these readings, none where there are none.
CREATE FUNCTION dormouse.put_packed(
    series integer, start timestamptz, ats timestamptz[], numbers double precision[], texts text[]
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM dormouse.packed_day p WHERE p.tenant_id = dormouse.current_tenant()
        AND p.series_id = series AND p.day = start;
    IF cardinality(ats) > 0 THEN
        INSERT INTO dormouse.packed_day
        SELECT p.* FROM dormouse.pack(series, start, ats, numbers, texts) AS p;
    END IF;
END $$;

-- Takes readings out of packed days, since <= t < until, or of these instants in that time alone;
-- gives what they were. Whoever calls it holds the pack lock.
CREATE FUNCTION dormouse.take_packed(
    series integer, since timestamptz, until timestamptz, instants timestamptz[] DEFAULT NULL
) RETURNS TABLE (at timestamptz, value double precision, text text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    tenant integer := dormouse.current_tenant();
    one timestamptz;
    left_ats timestamptz[];
    left_numbers double precision[];
    left_texts text[];
BEGIN
    FOR one IN
        SELECT p.day FROM dormouse.packed_day p
        WHERE p.tenant_id = tenant AND p.series_id = take_packed.series
          AND p.day > take_packed.since - interval '1 day' AND p.day < take_packed.until
        ORDER BY p.day
    LOOP
        RETURN QUERY
            SELECT u.at, u.value, u.text
            FROM dormouse.packed_day p CROSS JOIN LATERAL dormouse.unpack(p) AS u
            WHERE p.tenant_id = tenant AND p.series_id = take_packed.series AND p.day = one
              AND u.at >= take_packed.since AND u.at < take_packed.until
              AND (instants IS NULL OR u.at = ANY (instants))
            ORDER BY u.nth;
        CONTINUE WHEN NOT FOUND;
        SELECT array_agg(u.at ORDER BY u.nth), array_agg(u.value ORDER BY u.nth),
               array_agg(u.text ORDER BY u.nth)
        INTO left_ats, left_numbers, left_texts
        FROM dormouse.packed_day p CROSS JOIN LATERAL dormouse.unpack(p) AS u
        WHERE p.tenant_id = tenant AND p.series_id = take_packed.series AND p.day = one
          AND NOT (u.at >= take_packed.since AND u.at < take_packed.until
                   AND (instants IS NULL OR u.at = ANY (instants)));
        PERFORM dormouse.put_packed(take_packed.series, one, left_ats, left_numbers, left_texts);
    END LOOP;
END $$;

-- Drops the months that ended before an instant and hold no reading any more, since all of them are
-- packed or gone; which. What comes late makes a month anew. Gives up where somebody reads for long.
CREATE FUNCTION dormouse.drop_empty_partitions(before timestamptz) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    month record;
BEGIN
    FOR month IN
        SELECT c.relname, f.since AT TIME ZONE 'UTC' AS since,
               (f.since + interval '1 month') AT TIME ZONE 'UTC' AS until
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        CROSS JOIN LATERAL (
            SELECT to_date(right(c.relname, 7), 'YYYY_MM')::timestamp AS since) AS f
        WHERE i.inhparent = 'dormouse.reading'::regclass
          AND (f.since + interval '1 month') AT TIME ZONE 'UTC' <= least(before, now())
        ORDER BY 1
    LOOP
        CONTINUE WHEN dormouse.has_readings(month.since, month.until);
        -- Before the partition's own lock, as who inserts does.
        LOCK TABLE ONLY dormouse.reading IN ACCESS EXCLUSIVE MODE;
        IF NOT dormouse.has_readings(month.since, month.until) THEN
            EXECUTE format('DROP TABLE dormouse.%I', month.relname);
            RETURN NEXT month.relname;
        END IF;
    END LOOP;
END $$;

-- Whether any tenant has a reading of a time that is not packed.
CREATE FUNCTION dormouse.has_readings(since timestamptz, until timestamptz) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    was text := coalesce(current_setting('dormouse.tenant', true), '');
    tenant integer;
    found boolean := false;
BEGIN
    -- One tenant after the other, each behind its own policy: the owner has no way past it either.
    FOR tenant IN SELECT id FROM dormouse.tenant ORDER BY id LOOP
        PERFORM set_config('dormouse.tenant', tenant::text, true);
        found := EXISTS (SELECT FROM dormouse.reading r
                         WHERE r.tenant_id = tenant AND r.at >= since AND r.at < until);
        EXIT WHEN found;
    END LOOP;
    PERFORM set_config('dormouse.tenant', was, true);
    RETURN found;
END $$;

REVOKE EXECUTE ON FUNCTION
    dormouse.pack_days(integer, timestamptz, timestamptz, integer),
    dormouse.put_packed(integer, timestamptz, timestamptz[], double precision[], text[]),
    dormouse.take_packed(integer, timestamptz, timestamptz, timestamptz[]),
    dormouse.drop_empty_partitions(timestamptz), dormouse.has_readings(timestamptz, timestamptz)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    dormouse.pack_days(integer, timestamptz, timestamptz, integer),
    dormouse.drop_empty_partitions(timestamptz)
TO dormouse_app;
