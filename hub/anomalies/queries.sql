-- Oddities of series that nobody wants to be told of.

-- mutes --
SELECT d.key, s.service, s.index, s.characteristic, m.kind, m.until
FROM dormouse.anomaly_mute m
JOIN dormouse.series s ON s.tenant_id = m.tenant_id AND s.id = m.series_id
JOIN dormouse.device d ON d.tenant_id = s.tenant_id AND d.id = s.device_id
WHERE m.until IS NULL OR m.until > now();

-- mute --
INSERT INTO dormouse.anomaly_mute AS m (tenant_id, series_id, kind, until, who)
SELECT s.tenant_id, s.id, %(kind)s, %(until)s, %(who)s 
FROM dormouse.series s JOIN dormouse.device d ON d.id = s.device_id
WHERE d.key = %(device)s AND s.service = %(service)s AND s.index = %(index)s
  AND s.characteristic = %(characteristic)s
ON CONFLICT (tenant_id, series_id, kind)
DO UPDATE SET until = excluded.until, who = excluded.who, at = clock_timestamp();

-- unmute --
DELETE FROM dormouse.anomaly_mute
WHERE kind = %(kind)s AND series_id = (SELECT s.id 
FROM dormouse.series s JOIN dormouse.device d ON d.id = s.device_id
WHERE d.key = %(device)s AND s.service = %(service)s AND s.index = %(index)s
  AND s.characteristic = %(characteristic)s);
