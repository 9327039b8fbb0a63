-- As before, but a tick that came with a backup is of no transaction of this cluster, though its
-- number may be that of one that is to come: one of this transaction is not older than it.
CREATE OR REPLACE FUNCTION dormouse.next_ticks(ids integer[], gone boolean) RETURNS integer[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tenant integer := dormouse.current_tenant();
    clock timestamptz := clock_timestamp();
    activity bigint := nullif(current_setting('dormouse.activity', true), '')::bigint;
    ticks integer[];
    ats timestamptz[];
    fresh boolean[];
BEGIN
    SELECT array_agg(t.tick + CASE WHEN t.fresh THEN 1 ELSE 0 END ORDER BY d.n),
           array_agg(t.at ORDER BY d.n), array_agg(t.fresh ORDER BY d.n)
    INTO ticks, ats, fresh
    FROM unnest(ids) WITH ORDINALITY AS d(id, n)
    CROSS JOIN LATERAL (
        SELECT x.tick, x.at, gone OR x.xact <> pg_current_xact_id() OR x.at < now()
                    OR x.activity_id IS DISTINCT FROM activity AS fresh
        FROM dormouse.tick x WHERE x.tenant_id = tenant AND x.device_id = d.id
        ORDER BY x.tick DESC LIMIT 1
    ) AS t;
    INSERT INTO dormouse.tick (tenant_id, device_id, tick, at, activity_id, deleted)
    -- A clock that was set back does not turn history around.
    SELECT tenant, t.id, t.tick, greatest(clock, t.at + interval '1 microsecond'), activity, gone
    FROM unnest(ids, ticks, ats, fresh) AS t(id, tick, at, fresh) WHERE t.fresh;
    RETURN ticks;
END $$;
