-- HomeKit's state: JSON by area and key.

-- load_state --
SELECT area, key, value FROM dormouse.key_value
WHERE owner = 'homekit' AND area = ANY(%s) ORDER BY area, key;

-- newest_values --
-- A name that HomeKit wrote stays, whatever the device calls it. What is kept is compared with it by
-- the program: the keys above are texts, and a join by them looked at each with each.
SELECT d.key, s.service, s.index, s.characteristic, s.kind, l.value, l.text, l.at
FROM dormouse.latest l
JOIN dormouse.series s ON s.tenant_id = l.tenant_id AND s.id = l.series_id
JOIN dormouse.device d ON d.tenant_id = s.tenant_id AND d.id = s.device_id
WHERE s.characteristic <> 'ConfiguredName';

-- save_state --
INSERT INTO dormouse.key_value (tenant_id, owner, area, key, value)
SELECT dormouse.current_tenant(), 'homekit', %s, new.key, new.value::jsonb
FROM unnest(%b::text[], %b::text[]) AS new (key, value)
ON CONFLICT (tenant_id, owner, area, key) DO UPDATE SET value = excluded.value;

-- forget_devices --
-- Keys of values begin with the device's id, which has no slash.
DELETE FROM dormouse.key_value
WHERE owner = 'homekit'
  AND (area IN ('accessory', 'presence') AND key = ANY(%(devices)s)
       OR area = 'value' AND split_part(key, '/', 1) = ANY(%(devices)s));
