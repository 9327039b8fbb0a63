-- Small values that must survive a restart, of any part of the hub: JSON by area and key. Each part
-- has areas of its own; `owner` says whose they are.
ALTER TABLE dormouse.homekit RENAME TO key_value;
ALTER TABLE dormouse.key_value RENAME CONSTRAINT homekit_pkey TO key_value_pkey;
ALTER TABLE dormouse.key_value RENAME CONSTRAINT homekit_tenant_id_fkey TO key_value_tenant_id_fkey;
ALTER TABLE dormouse.key_value ADD owner text NOT NULL DEFAULT 'homekit';

-- The tables' owner is bound by row-level security too, so this goes tenant by tenant.
DO $$
DECLARE
    one integer;
BEGIN
    FOR one IN SELECT id FROM dormouse.tenant LOOP
        PERFORM set_config('dormouse.tenant', one::text, true);
        UPDATE dormouse.key_value SET owner = CASE area
            WHEN 'mapping' THEN 'mapping' WHEN 'device-clocks' THEN 'mqtt' ELSE 'explain' END
        WHERE area IN ('mapping', 'device-clocks', 'hub-outages', 'hub-alive');
    END LOOP;
    PERFORM set_config('dormouse.tenant', '', true);
END $$;

ALTER TABLE dormouse.key_value ALTER owner DROP DEFAULT;
ALTER TABLE dormouse.key_value DROP CONSTRAINT key_value_pkey;
ALTER TABLE dormouse.key_value ADD PRIMARY KEY (tenant_id, owner, area, key);
