-- What came after an upgrade.

-- readings_by_day --
-- Of all tenants: what each series has of each day in UTC, to tell days of two databases apart.
SELECT t.name, d.key, s.service, s.index, s.characteristic,
       date_bin('1 day', r.stored_under, '2000-01-01Z'), s.tenant_id, s.id,
       count(*), sum(hashtextextended((r.at, r.value, r.text)::text, 0)::numeric)
FROM dormouse.every_reading r
JOIN dormouse.series s ON s.tenant_id = r.tenant_id AND s.id = r.series_id
JOIN dormouse.device d ON d.tenant_id = s.tenant_id AND d.id = s.device_id
JOIN dormouse.tenant t ON t.id = s.tenant_id
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2, 3, 4, 5, 6;

-- readings_of_day --
SELECT r.at, coalesce(r.text, r.value::text) FROM dormouse.every_reading r
WHERE r.tenant_id = %s AND r.series_id = %s AND r.stored_under >= %s
  AND r.stored_under < %s::timestamptz + interval '1 day' ORDER BY r.at;
