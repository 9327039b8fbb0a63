-- What two hubs at once must not do, whatever keeps them apart.
ALTER TABLE dormouse.rollout ADD COLUMN last_step uuid;

-- Where two hubs gave an id twice, the later device gets another: a controller knows the first.
WITH given AS (
    SELECT tenant_id, key, row_number() OVER (
        PARTITION BY tenant_id, value ->> 'bridge', value ->> 'aid' ORDER BY key
    ) AS turn
    FROM dormouse.key_value WHERE owner = 'homekit' AND area = 'accessory'
)
DELETE FROM dormouse.key_value v USING given
WHERE v.owner = 'homekit' AND v.area = 'accessory' AND given.turn > 1
    AND v.tenant_id = given.tenant_id AND v.key = given.key;

CREATE UNIQUE INDEX accessory_ids
    ON dormouse.key_value (tenant_id, (value ->> 'bridge'), (value ->> 'aid'))
    WHERE owner = 'homekit' AND area = 'accessory';
