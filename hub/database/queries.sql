-- Tenants, the schema's version, and small values by key.

-- set_tenant --
-- Transaction-local, never of the session: behind PgBouncer the next transaction on this
-- connection is somebody else's. Who waits for a lock gives its connection back now and then.
SELECT set_config('dormouse.tenant', %s, true), set_config('lock_timeout', '5s', true);

-- begin_snapshot --
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- ping --
SELECT 1;

-- system_identifier --
-- The same for a server and its standbys.
SELECT system_identifier FROM pg_catalog.pg_control_system();

-- tenant_id --
SELECT dormouse.tenant_id(%s);

-- ensure_tenant --
SELECT dormouse.ensure_tenant(%s);

-- tenant_names --
SELECT dormouse.tenant_names();

-- version_table --
SELECT to_regclass('dormouse.alembic_version');

-- schema_comment --
SELECT obj_description(to_regnamespace('dormouse'), 'pg_namespace');

-- version --
SELECT version_num FROM dormouse.alembic_version;

-- reading_table --
SELECT to_regclass('dormouse.reading');

-- tenant_numbers --
SELECT id FROM dormouse.tenant;

-- count_readings --
SELECT count(*) FROM dormouse.reading;

-- packed_table --
SELECT to_regclass('dormouse.packed_day');

-- count_packed_readings --
SELECT coalesce(sum(n), 0)::bigint FROM dormouse.packed_day;

-- connected_hub --
SELECT coalesce(host(client_addr), 'this machine') || ' (process ' || pid || ' of Postgres)'
FROM pg_stat_activity
WHERE datname = current_database() AND application_name = %s AND pid <> pg_backend_pid() LIMIT 1;

-- drop_schema --
DROP SCHEMA IF EXISTS dormouse CASCADE;

-- values_of_area --
SELECT key, value FROM dormouse.key_value WHERE owner = %s AND area = %s ORDER BY key;

-- save_values --
INSERT INTO dormouse.key_value (tenant_id, owner, area, key, value)
SELECT dormouse.current_tenant(), %s, %s, new.key, new.value::jsonb
FROM unnest(%b::text[], %b::text[]) AS new (key, value)
ON CONFLICT (tenant_id, owner, area, key) DO UPDATE SET value = excluded.value;

-- delete_values --
DELETE FROM dormouse.key_value WHERE owner = %s AND area = %s AND key = ANY(%s);

-- tables_to_back_up --
-- Without what the database computes by itself, and without its revision.
SELECT c.relname,
       array(SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               AND a.attgenerated = '' ORDER BY a.attnum),
       c.relforcerowsecurity
FROM pg_class c
WHERE c.relnamespace = 'dormouse'::regnamespace AND c.relkind IN ('r', 'p')
  AND NOT c.relispartition AND c.relname <> 'alembic_version'
ORDER BY c.relname;

-- rows_and_hash --
SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM {table} AS t;

-- references --
SELECT DISTINCT child.relname, parent.relname
FROM pg_constraint f
JOIN pg_class child ON child.oid = f.conrelid
JOIN pg_class parent ON parent.oid = f.confrelid
WHERE f.contype = 'f' AND f.connamespace = 'dormouse'::regnamespace
  AND f.conrelid <> f.confrelid AND NOT child.relispartition AND NOT parent.relispartition;

-- last_numbers --
SELECT sequencename, last_value FROM pg_sequences
WHERE schemaname = 'dormouse' AND last_value IS NOT NULL ORDER BY sequencename;

-- set_last_number --
SELECT setval(%s::regclass, %s);

-- months_of_readings --
SELECT DISTINCT date_trunc('month', at AT TIME ZONE 'UTC')::date FROM dormouse.reading ORDER BY 1;

-- partition_of_month --
SELECT dormouse.ensure_partition(%s::date::timestamp AT TIME ZONE 'UTC');

-- database_size --
SELECT pg_database_size(%s);

-- lock_backups --
-- Of the session, which ends with the command.
SELECT pg_try_advisory_lock(hashtext('dormouse.backup'));

-- tables_to_vacuum --
-- Dead rows that are worth a look; of the partitioned table its own statistics, after its parts'.
SELECT s.relname, false
FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
WHERE s.schemaname = 'dormouse' AND c.relkind = 'r'
  AND s.n_dead_tup > greatest(1000, s.n_live_tup / 10)
UNION ALL
SELECT c.relname, true
FROM pg_class c
LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE c.relnamespace = 'dormouse'::regnamespace AND c.relkind = 'p' AND EXISTS (
    SELECT FROM pg_inherits i JOIN pg_stat_user_tables p ON p.relid = i.inhrelid
    WHERE i.inhparent = c.oid
      AND greatest(p.last_autoanalyze, p.last_analyze)
          > coalesce(greatest(s.last_analyze, s.last_autoanalyze), '-infinity'))
ORDER BY 2, 1;

-- unknown_zones --
SELECT zone FROM unnest(%s::text[]) AS zone
WHERE zone NOT IN (SELECT name FROM pg_timezone_names) ORDER BY 1;

-- read_path --
SELECT %s::text::jsonpath;
