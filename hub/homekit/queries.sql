-- HomeKit's state: JSON by area and key.

-- load_state --
SELECT area, key, value FROM dormouse.key_value
WHERE owner = 'homekit' AND area = ANY(%s) ORDER BY area, key;

-- newer_values --
-- Of values that are kept, those of which readings are newer: of the last seconds before a crash.
-- A name that HomeKit wrote stays, whatever the device calls it.
SELECT k.key, s.kind, l.value, l.text, l.at
FROM dormouse.latest l
JOIN dormouse.series s ON s.tenant_id = l.tenant_id AND s.id = l.series_id
JOIN dormouse.device d ON d.tenant_id = s.tenant_id AND d.id = s.device_id
JOIN dormouse.key_value k ON k.tenant_id = l.tenant_id AND k.owner = 'homekit' AND k.area = 'value'
    AND k.key = concat_ws('/', d.key, s.service, s.index, s.characteristic)
WHERE l.at > (k.value->>'at')::timestamptz AND s.characteristic <> 'ConfiguredName';

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
