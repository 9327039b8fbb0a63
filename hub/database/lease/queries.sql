-- Who may be the hub of a database, and who is. The lock's key is the lease's name, hashed.

-- try_lease --
SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended(%s, 0));

-- session_of_holder --
-- What everybody may see of another's session: its process, its name and when it began. The
-- address is NULL where the other is somebody else's, or on this machine.
SELECT a.pid, a.application_name, host(a.client_addr), a.backend_start
FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
    AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
    AND (l.classid::bigint << 32 | l.objid::bigint) = pg_catalog.hashtextextended(%s, 0);

-- may_read_holder --
-- Not before the schema has it, and not whom it is not for.
SELECT coalesce(pg_catalog.has_function_privilege(
    pg_catalog.to_regprocedure('dormouse.lease_holder(text,text)'), 'EXECUTE'
), false);

-- noted_holder --
SELECT machine, process, release, began, silent FROM dormouse.lease_holder(%s, %s);

-- note_holder --
SELECT dormouse.note_lease(%s, %s, %s, %s, %s);

-- heartbeat --
SELECT dormouse.lease_heartbeat(%s, %s);

-- end_session --
SELECT pg_catalog.pg_terminate_backend(%s);

-- own_session --
SELECT pg_catalog.pg_backend_pid();

-- lock_is_here --
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_locks
    WHERE locktype = 'advisory' AND granted AND pid = %s
        AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
        AND (classid::bigint << 32 | objid::bigint) = pg_catalog.hashtextextended(%s, 0)
);

-- try_share --
-- Several may have it at once, but not beside one that has it for itself.
SELECT pg_catalog.pg_try_advisory_lock_shared(pg_catalog.hashtextextended(%s, 0));

-- give_up --
SELECT pg_catalog.pg_advisory_unlock(pg_catalog.hashtextextended(%s, 0));

-- give_up_share --
SELECT pg_catalog.pg_advisory_unlock_shared(pg_catalog.hashtextextended(%s, 0));

-- holders --
-- The sessions of workers that have any of these leases.
SELECT n.name, l.pid, a.application_name
FROM unnest(%s::text[]) AS n (name)
JOIN pg_catalog.pg_locks l
    ON (l.classid::bigint << 32 | l.objid::bigint) = pg_catalog.hashtextextended(n.name, 0)
JOIN pg_catalog.pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
    AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database());

-- listen --
LISTEN dormouse;

-- announce --
SELECT pg_catalog.pg_notify('dormouse', %s);

-- take_lease --
SELECT dormouse.take_lease(%s, %s, %s, %s, %s);

-- fence --
SELECT dormouse.fence(%s, %s);

-- cluster --
-- The same for a server and its standbys.
SELECT system_identifier::text || '/' || (
    SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()
) FROM pg_catalog.pg_control_system();
