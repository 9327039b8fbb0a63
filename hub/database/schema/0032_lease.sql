-- Who has which lease. What decides is an advisory lock of its holder's session; this says who that
-- is. It belongs to no tenant.
CREATE TABLE dormouse.lease (
    name text PRIMARY KEY,
    -- The mark that the holder's session carries in its name.
    holder text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    since timestamptz NOT NULL,
    seen timestamptz NOT NULL
);
REVOKE ALL ON dormouse.lease FROM PUBLIC;

CREATE FUNCTION dormouse.note_lease(of_name text, mark text, machine text, process integer, release text)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO dormouse.lease (name, holder, host, pid, version, since, seen)
    VALUES (of_name, mark, machine, process, release, clock_timestamp(), clock_timestamp())
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, host = excluded.host,
        pid = excluded.pid, version = excluded.version, since = excluded.since,
        seen = excluded.seen;
$$;

CREATE FUNCTION dormouse.lease_heartbeat(of_name text, mark text)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE dormouse.lease SET seen = clock_timestamp() WHERE name = of_name AND holder = mark;
$$;

-- `silent` is in seconds, by the database's clock: those of two machines may differ.
CREATE FUNCTION dormouse.lease_holder(
    of_name text, mark text, OUT machine text, OUT process integer, OUT release text,
    OUT began timestamptz, OUT silent double precision
)
RETURNS SETOF record LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT host, pid, version, since, extract(epoch FROM clock_timestamp() - seen)::float8
    FROM dormouse.lease WHERE name = of_name AND holder = mark;
$$;

REVOKE ALL ON FUNCTION dormouse.note_lease, dormouse.lease_heartbeat, dormouse.lease_holder
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dormouse.note_lease, dormouse.lease_heartbeat, dormouse.lease_holder
    TO dormouse_app;
