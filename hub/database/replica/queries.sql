-- What a server is, and how far it is. Log positions are given as bytes.

-- server --
-- A database's number is the same on a primary and on its standbys; a cluster's identifier too.
SELECT pg_catalog.pg_is_in_recovery(),
       (SELECT system_identifier FROM pg_catalog.pg_control_system()),
       (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())::bigint,
       current_database();

-- position_of_primary --
-- What is committed is flushed. NULL where the server has become a standby.
SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery()
    THEN pg_catalog.pg_current_wal_flush_lsn() - '0/0'::pg_lsn END;

-- position_of_standby --
-- NULL where the server takes writes.
SELECT CASE WHEN pg_catalog.pg_is_in_recovery()
    THEN pg_catalog.pg_last_wal_replay_lsn() - '0/0'::pg_lsn END;

-- set_tenant --
SELECT set_config('dormouse.tenant', %s, true);
