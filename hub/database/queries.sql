-- Tenants, the schema's version, and small values by key.

-- set_tenant --
-- Transaction-local, never of the session: behind PgBouncer the next transaction on this
-- connection is somebody else's.
SELECT set_config('dormouse.tenant', %s, true);

-- ping --
SELECT 1;

-- tenant_id --
SELECT dormouse.tenant_id(%s);

-- ensure_tenant --
SELECT dormouse.ensure_tenant(%s);

-- tenant_names --
SELECT dormouse.tenant_names();

-- version_table --
SELECT to_regclass('dormouse.alembic_version');

-- version --
SELECT version_num FROM dormouse.alembic_version;

-- reading_table --
SELECT to_regclass('dormouse.reading');

-- tenant_numbers --
SELECT id FROM dormouse.tenant;

-- count_readings --
SELECT count(*) FROM dormouse.reading;

-- drop_schema --
DROP SCHEMA IF EXISTS dormouse CASCADE;

-- values_of_area --
SELECT key, value FROM dormouse.key_value WHERE owner = %s AND area = %s ORDER BY key;

-- save_values --
INSERT INTO dormouse.key_value (tenant_id, owner, area, key, value)
SELECT dormouse.current_tenant(), %s, %s, * FROM unnest(%s::text[], %s::jsonb[])
ON CONFLICT (tenant_id, owner, area, key) DO UPDATE SET value = excluded.value;

-- delete_values --
DELETE FROM dormouse.key_value WHERE owner = %s AND area = %s AND key = ANY(%s);
