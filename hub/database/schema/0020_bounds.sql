-- What one device may make of the numbers that say what it delivered.

-- The ranges, at most 256: of more the lowest holes are closed until 128 are left. What was to come
-- for those holes counts as held. A device that sends again what was lost does so within a few
-- wakes, long before there are as many holes above it.
CREATE FUNCTION dormouse.with_fewer_holes(seqs int4multirange) RETURNS int4multirange
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS $$
DECLARE
    starts integer[] := ARRAY(SELECT lower(r) FROM unnest(seqs) AS r ORDER BY 1);
BEGIN
    IF cardinality(starts) <= 256 THEN
        RETURN seqs;
    END IF;
    RETURN seqs + int4multirange(int4range(starts[1], starts[cardinality(starts) - 127], '[]'));
END $$;

-- Of each of these devices the 100 boot identities that delivered last are kept. One whose memory
-- fails at each wake makes some more a day; all would be looked through at each message.
CREATE FUNCTION dormouse.forget_boots(devices integer[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    DELETE FROM dormouse.delivery AS d USING (
        SELECT device_id, boot, row_number() OVER (
            PARTITION BY device_id ORDER BY last_at DESC, first_at DESC, boot) AS n
        FROM dormouse.delivery
        WHERE tenant_id = dormouse.current_tenant() AND device_id = ANY (devices)) AS k
    WHERE k.n > 100 AND d.tenant_id = dormouse.current_tenant()
      AND d.device_id = k.device_id AND d.boot = k.boot;
END;

-- Stores a batch, one array a column, in the order of arrival; all of one tenant.
--
-- Not stored again: a (device, boot, seq) that is held; a plain reading (no boot) of a device that
-- delivered a batch within the last day; a redelivered plain reading that repeats the last one of
-- its series; the newest reading of a device's first batch within a day, when it came already: a
-- broker sends plain values (QoS 0) past batches (QoS 1) that wait their turn. Impossible times go
-- to quarantine. Everything in one transaction, so the numbers a device may forget are those of the
-- readings that are there.
CREATE OR REPLACE FUNCTION dormouse.store_readings(
    serieses integer[], devices integer[], ats timestamptz[], numbers double precision[],
    texts text[], boots text[], numbers_sent integer[], again boolean[],
    OUT stored integer, OUT held integer, OUT shadowed integer, OUT repeated integer,
    OUT quarantined integer
) LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    tenant integer := dormouse.current_tenant();
    earliest timestamptz := '2015-01-01Z';
    latest_allowed timestamptz := now() + interval '1 hour';
    -- Of these devices alone: how many others there are, and what they do, costs nothing here.
    shadowing integer[] := ARRAY(SELECT DISTINCT device_id FROM dormouse.delivery
                                 WHERE device_id = ANY (devices)
                                   AND last_at > now() - interval '1 day');
    begun integer[];
    fates text[];
BEGIN
    -- Most batches of plain readings have nothing to be judged one by one.
    IF array_remove(boots, NULL) = '{}' AND NOT true = ANY (again) AND NOT devices && shadowing
       AND (SELECT min(t) >= earliest AND max(t) <= latest_allowed FROM unnest(ats) AS t)
    THEN
        INSERT INTO dormouse.reading (tenant_id, series_id, at, value, text)
        SELECT tenant, b.* FROM unnest(serieses, ats, numbers, texts) AS b;
        GET DIAGNOSTICS stored = ROW_COUNT;
        held := 0; shadowed := 0; repeated := 0; quarantined := 0;
        RETURN;
    END IF;

    IF array_remove(boots, NULL) <> '{}' THEN
        -- In one order, so that two writers cannot wait for each other.
        WITH made AS (
            INSERT INTO dormouse.delivery AS d (tenant_id, device_id, boot)
            SELECT DISTINCT tenant, b.device, b.boot FROM unnest(devices, boots) AS b(device, boot)
            WHERE b.boot IS NOT NULL ORDER BY 2, 3
            ON CONFLICT DO NOTHING RETURNING device_id)
        SELECT array_agg(DISTINCT device_id) INTO begun FROM made;
        IF begun IS NOT NULL THEN
            PERFORM dormouse.forget_boots(begun);
        END IF;
        PERFORM FROM dormouse.delivery AS d
        WHERE (d.device_id, d.boot) IN (SELECT * FROM unnest(devices, boots))
        ORDER BY d.device_id, d.boot FOR UPDATE;
    END IF;

    SELECT array_agg(fate ORDER BY n),
           count(*) FILTER (WHERE fate = 'stored'), count(*) FILTER (WHERE fate = 'held'),
           count(*) FILTER (WHERE fate = 'shadowed'), count(*) FILTER (WHERE fate = 'repeated'),
           count(*) FILTER (WHERE fate IN ('future', 'past'))
    INTO fates, stored, held, shadowed, repeated, quarantined
    FROM (
        SELECT b.n, CASE
            WHEN b.boot IS NOT NULL AND (b.seq <@ d.seqs OR b.copy > 1) THEN 'held'
            WHEN b.boot IS NOT NULL AND b.behind = 1 AND l.series_id IS NOT NULL
                AND (b.value, b.text) IS NOT DISTINCT FROM (l.value, l.text)
                AND b.at - l.at BETWEEN - interval '2 minutes' AND interval '2 minutes'
                THEN 'held'
            WHEN b.boot IS NULL AND s.device_id IS NOT NULL THEN 'shadowed'
            WHEN b.boot IS NULL AND b.redelivered AND CASE
                WHEN b.n_before IS NOT NULL
                THEN (b.value, b.text) IS NOT DISTINCT FROM (b.value_before, b.text_before)
                ELSE l.series_id IS NOT NULL
                    AND (b.value, b.text) IS NOT DISTINCT FROM (l.value, l.text)
                END THEN 'repeated'
            WHEN b.at > latest_allowed THEN 'future'
            WHEN b.at < earliest THEN 'past'
            ELSE 'stored' END AS fate
        FROM (
            SELECT u.*, row_number() OVER (PARTITION BY u.device, u.boot, u.seq) AS copy,
                   row_number() OVER (PARTITION BY u.series ORDER BY u.boot IS NULL, u.at DESC,
                                      u.n DESC) AS behind,
                   lag(u.n) OVER w AS n_before, lag(u.value) OVER w AS value_before,
                   lag(u.text) OVER w AS text_before
            FROM unnest(serieses, devices, ats, numbers, texts, boots, numbers_sent, again)
                WITH ORDINALITY AS u(series, device, at, value, text, boot, seq, redelivered, n)
            WINDOW w AS (PARTITION BY u.series ORDER BY u.n)
        ) AS b
        LEFT JOIN dormouse.delivery AS d ON d.device_id = b.device AND d.boot = b.boot
        LEFT JOIN (
            SELECT DISTINCT device_id FROM dormouse.delivery
            WHERE device_id = ANY (devices) AND last_at > now() - interval '1 day'
        ) AS s ON b.boot IS NULL AND s.device_id = b.device
        LEFT JOIN dormouse.latest AS l ON l.series_id = b.series
            AND (b.redelivered OR b.boot IS NOT NULL AND b.device <> ALL (shadowing))
    ) AS judged;

    INSERT INTO dormouse.reading (tenant_id, series_id, at, value, text)
    SELECT tenant, b.series, b.at, b.value, b.text
    FROM unnest(serieses, ats, numbers, texts, fates) AS b(series, at, value, text, fate)
    WHERE b.fate = 'stored';

    IF quarantined > 0 THEN
        INSERT INTO dormouse.quarantine (tenant_id, series_id, at, value, text, reason)
        SELECT tenant, b.series, b.at, b.value, b.text, b.fate
        FROM unnest(serieses, ats, numbers, texts, fates) AS b(series, at, value, text, fate)
        WHERE b.fate IN ('future', 'past');
    END IF;

    UPDATE dormouse.delivery AS d
    SET seqs = dormouse.with_fewer_holes(d.seqs + b.seqs), last_at = now()
    FROM (
        SELECT u.device, u.boot, range_agg(int4range(u.seq, u.seq, '[]')) AS seqs
        FROM unnest(devices, boots, numbers_sent) AS u(device, boot, seq)
        WHERE u.boot IS NOT NULL GROUP BY u.device, u.boot
    ) AS b
    WHERE d.device_id = b.device AND d.boot = b.boot;
END $$;
