-- What must not work in the database, tried.

-- sees_past_security --
SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user;

-- count_devices --
SELECT count(*) FROM dormouse.device;

-- count_some_readings --
SELECT count(*) FROM (SELECT FROM dormouse.every_reading LIMIT 1) AS found;

-- count_accounts --
SELECT count(*) FROM dormouse.account;

-- count_foreign_devices --
SELECT count(*) FROM dormouse.device WHERE tenant_id <> dormouse.current_tenant();

-- write_for_tenant --
-- Into a table whose triggers write to no other, which would refuse in its stead.
INSERT INTO dormouse.key_value (tenant_id, owner, area, key, value)
VALUES (%s, 'doctor', 'doctor', 'doctor', 'null');

-- count_a_row --
SELECT count(*) FROM (SELECT FROM dormouse.{table} LIMIT 1) AS t;

-- count_a_foreign_row --
SELECT count(*) FROM (
    SELECT FROM dormouse.{table} WHERE {column} <> {own} LIMIT 1) AS t;
