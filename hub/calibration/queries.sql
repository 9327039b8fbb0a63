-- Calibrations of all series of a tenant.

-- calibrations_of_tenant --
SELECT d.key, s.service, s.index, s.characteristic, lower(c.during), upper(c.during),
       c.gain, c.offset_by
FROM dormouse.calibration c
JOIN dormouse.series s ON s.tenant_id = c.tenant_id AND s.id = c.series_id
JOIN dormouse.device d ON d.tenant_id = s.tenant_id AND d.id = s.device_id
ORDER BY d.key, s.id, c.during;
