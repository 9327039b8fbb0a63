-- What people remove, and the trail of it.

-- series_of_name --
SELECT s.id FROM dormouse.series s
JOIN dormouse.device d ON d.tenant_id = s.tenant_id AND d.id = s.device_id
WHERE d.key = %(device)s AND s.service = %(service)s AND s.index = %(index)s
  AND s.characteristic = %(characteristic)s;

-- series_of_device --
SELECT s.id, s.service, s.index, s.characteristic FROM dormouse.series s
JOIN dormouse.device d ON d.tenant_id = s.tenant_id AND d.id = s.device_id
WHERE d.key = %s ORDER BY s.id;

-- reach_of_series --
-- From when until when there is anything of a series within a span.
-- Of packed days those at the ends are unpacked.
SELECT least(r.first, p.first, h.first, d.first, q.first),
       greatest(r.last, p.last, h.last, d.last, q.last)
FROM
    (SELECT min(at) AS first, max(at) AS last FROM dormouse.reading
     WHERE series_id = %(series)s AND at >= %(since)s AND at < %(until)s) AS r,
    (SELECT min(CASE WHEN whole THEN p.first ELSE u.first END) AS first,
            max(CASE WHEN whole THEN p.first ELSE u.last END) AS last
     FROM (SELECT p, p.first, day >= %(since)s AND day + interval '1 day' <= %(until)s AS whole
           FROM dormouse.packed_day p
           WHERE series_id = %(series)s AND day < %(until)s
             AND day > %(since)s::timestamptz - interval '1 day') AS p
     LEFT JOIN LATERAL (
         SELECT min(u.at) AS first, max(u.at) AS last FROM dormouse.unpack(p.p) AS u
         WHERE u.at >= %(since)s AND u.at < %(until)s) AS u ON NOT p.whole) AS p,
    (SELECT min(start) AS first, max(start) + interval '1 hour' AS last FROM dormouse.hourly
     WHERE series_id = %(series)s AND start >= %(since)s
       AND start + interval '1 hour' <= %(until)s) AS h,
    (SELECT min(start) AS first, max(start) + interval '1 day' AS last FROM dormouse.daily
     WHERE series_id = %(series)s AND start >= %(since)s
       AND start + interval '1 day' <= %(until)s) AS d,
    (SELECT min(at) AS first, max(at) AS last FROM dormouse.quarantine
     WHERE series_id = %(series)s AND at >= %(since)s AND at < %(until)s) AS q;

-- open_rollout_of_device --
SELECT r.rollout_id FROM dormouse.rollout_device r
JOIN dormouse.device d ON d.tenant_id = r.tenant_id AND d.id = r.device_id
WHERE d.key = %s AND r.state NOT IN ('updated', 'failed', 'skipped') ORDER BY 1 LIMIT 1;

-- begin_removal --
SELECT dormouse.begin_removal(%(what)s, %(device)s, %(series)s, %(since)s, %(until)s, %(who)s,
                              %(why)s);

-- remove_readings --
SELECT dormouse.remove_readings(%s, %s, %s, %s);

-- remove_series --
SELECT dormouse.remove_series(%s, %s);

-- remove_device --
SELECT dormouse.remove_device(%s, %s);

-- end_removal --
SELECT dormouse.end_removal(%s);

-- removal --
SELECT id, what, device, series, since, until, who, why, at, readings, bins_kept, finished_at
FROM dormouse.removal WHERE id = %s;

-- removals --
SELECT id, what, device, series, since, until, who, why, at, readings, bins_kept, finished_at
FROM dormouse.removal WHERE %(device)s::text IS NULL OR device = %(device)s
ORDER BY id DESC LIMIT %(most)s;

-- unfinished_removals --
SELECT id, what, device, series, since, until, who, why, at, readings, bins_kept, finished_at
FROM dormouse.removal WHERE finished_at IS NULL ORDER BY id;

-- newest_of_series --
SELECT s.kind, l.value, l.text, l.at FROM dormouse.series s
JOIN dormouse.device d ON d.tenant_id = s.tenant_id AND d.id = s.device_id
JOIN dormouse.latest l ON l.tenant_id = s.tenant_id AND l.series_id = s.id
WHERE d.key = %(device)s AND s.service = %(service)s AND s.index = %(index)s
  AND s.characteristic = %(characteristic)s;
