-- Stores a batch, one array a column, in the order of arrival; all of one tenant.
--
-- Not stored again: a (device, boot, seq) that is held; a plain reading (no boot) of a device that
-- delivered a batch within the last day; a redelivered plain reading that repeats the last one of
-- its series. Impossible times go to quarantine. Everything in one transaction, so the numbers a
-- device may forget are those of the readings that are there.
CREATE FUNCTION dormouse.store_readings(
    serieses integer[], devices integer[], ats timestamptz[], numbers double precision[],
    texts text[], boots text[], numbers_sent integer[], again boolean[],
    OUT stored integer, OUT held integer, OUT shadowed integer, OUT repeated integer,
    OUT quarantined integer
) LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    tenant integer := dormouse.current_tenant();
    earliest timestamptz := '2015-01-01Z';
    latest_allowed timestamptz := now() + interval '1 hour';
    shadowing integer[] := ARRAY(SELECT DISTINCT device_id FROM dormouse.delivery
                                 WHERE last_at > now() - interval '1 day');
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
        INSERT INTO dormouse.delivery AS d (tenant_id, device_id, boot)
        SELECT DISTINCT tenant, b.device, b.boot FROM unnest(devices, boots) AS b(device, boot)
        WHERE b.boot IS NOT NULL ORDER BY 2, 3
        ON CONFLICT DO NOTHING;
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
                   lag(u.n) OVER w AS n_before, lag(u.value) OVER w AS value_before,
                   lag(u.text) OVER w AS text_before
            FROM unnest(serieses, devices, ats, numbers, texts, boots, numbers_sent, again)
                WITH ORDINALITY AS u(series, device, at, value, text, boot, seq, redelivered, n)
            WINDOW w AS (PARTITION BY u.series ORDER BY u.n)
        ) AS b
        LEFT JOIN dormouse.delivery AS d ON d.device_id = b.device AND d.boot = b.boot
        LEFT JOIN (
            SELECT DISTINCT device_id FROM dormouse.delivery
            WHERE last_at > now() - interval '1 day'
        ) AS s ON b.boot IS NULL AND s.device_id = b.device
        LEFT JOIN dormouse.latest AS l ON b.redelivered AND l.series_id = b.series
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
    SET seqs = d.seqs + b.seqs, last_at = now()
    FROM (
        SELECT u.device, u.boot, range_agg(int4range(u.seq, u.seq, '[]')) AS seqs
        FROM unnest(devices, boots, numbers_sent) AS u(device, boot, seq)
        WHERE u.boot IS NOT NULL GROUP BY u.device, u.boot
    ) AS b
    WHERE d.device_id = b.device AND d.boot = b.boot;
END $$;

-- The newest reading of each series that a statement inserted, by whatever path.
CREATE FUNCTION dormouse.keep_latest() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO dormouse.latest AS l (tenant_id, series_id, at, value, text)
    SELECT DISTINCT ON (series_id) tenant_id, series_id, at, value, text
    FROM added ORDER BY series_id, at DESC
    ON CONFLICT (tenant_id, series_id) DO UPDATE
    SET at = excluded.at, value = excluded.value, text = excluded.text
    WHERE l.at <= excluded.at;
    RETURN NULL;
END $$;

CREATE TRIGGER keep_latest AFTER INSERT ON dormouse.reading
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION dormouse.keep_latest();
