-- What sources ask of a tenant, and trials of rules of its past.

-- newest_of --
-- When which series of some characteristics were measured last, with where their devices are.
SELECT s.id, l.at, d.location_id
FROM dormouse.latest l
JOIN dormouse.series s ON s.tenant_id = l.tenant_id AND s.id = l.series_id
JOIN dormouse.device d ON d.tenant_id = s.tenant_id AND d.id = s.device_id
WHERE s.characteristic = ANY(%s) AND s.kind <> 'string';

-- series_of --
SELECT s.id, d.key, s.service, s.index, s.characteristic, d.name
FROM dormouse.series s JOIN dormouse.device d ON d.tenant_id = s.tenant_id AND d.id = s.device_id
WHERE s.id = ANY(%s);

-- late_devices --
-- Whom it is worth to look at: due and not heard, or quiet for long.
SELECT d.key, greatest(s.seen_at, l.at) AS seen_at, d.location_id
FROM dormouse.device d
LEFT JOIN dormouse.device_state s ON s.tenant_id = d.tenant_id AND s.device_id = d.id
LEFT JOIN LATERAL (
    SELECT max(n.at) AS at FROM dormouse.series r
    JOIN dormouse.latest n ON n.tenant_id = r.tenant_id AND n.series_id = r.id
    WHERE r.tenant_id = d.tenant_id AND r.device_id = d.id
) AS l ON true
WHERE s.next_wake_at < %(now)s::timestamptz - interval '60 s'
   OR s.next_wake_at IS NULL AND greatest(s.seen_at, l.at) < %(now)s::timestamptz - interval '15 min';

-- seen_devices --
SELECT d.key, greatest(s.seen_at, l.at), d.location_id
FROM dormouse.device d
LEFT JOIN dormouse.device_state s ON s.tenant_id = d.tenant_id AND s.device_id = d.id
LEFT JOIN LATERAL (
    SELECT max(n.at) AS at FROM dormouse.series r
    JOIN dormouse.latest n ON n.tenant_id = r.tenant_id AND n.series_id = r.id
    WHERE r.tenant_id = d.tenant_id AND r.device_id = d.id
) AS l ON true
WHERE d.key = ANY(%(devices)s);

-- halted_rollouts --
SELECT id, reason, changed_at FROM dormouse.rollout WHERE phase = 'halted' ORDER BY id;

-- told_before --
SELECT subject, since, ended_at FROM dormouse.notify_alert
WHERE rule_id = %(rule)s AND subject = ANY(%(subjects)s)
  AND (ended_at IS NULL OR ended_at >= %(since)s);

-- ended_runs --
-- Of hooks, the oldest first, with the last lines of the step that failed.
SELECT h.name, r.id, r.state = 'failed', r.reason, r.ended_at, coalesce(s.tail, '')
FROM dormouse.hook_run r
JOIN dormouse.hook h ON h.id = r.hook_id
LEFT JOIN dormouse.hook_step s ON s.run_id = r.id AND s.state = 'failed'
WHERE r.state IN ('passed', 'failed') AND r.ended_at > %s ORDER BY r.id;

-- past_halts --
SELECT rollout_id, at FROM dormouse.rollout_event
WHERE device_id IS NULL AND after = 'halted' AND at >= %s ORDER BY at;

-- past_series --
-- Series that were beyond a limit in some hour, of devices that are or were there.
SELECT s.id, d.key, s.service, s.index, s.characteristic, d.name
FROM dormouse.series s JOIN dormouse.device d ON d.tenant_id = s.tenant_id AND d.id = s.device_id
WHERE s.characteristic = %(characteristic)s
  AND (%(device)s::text IS NULL OR d.key = %(device)s)
  AND (%(place)s::int IS NULL
       OR d.location_id IN (SELECT dormouse.places_within(%(place)s))
       OR EXISTS (SELECT FROM dormouse.placement p
                  WHERE p.device_id = d.id AND upper(p.during) > %(since)s
                    AND p.location_id IN (SELECT dormouse.places_within(%(place)s))))
  AND EXISTS (SELECT FROM dormouse.hourly h
              WHERE h.series_id = s.id AND h.start >= %(since)s::timestamptz - interval '1 hour'
                AND CASE WHEN %(above)s THEN h.high > %(limit)s ELSE h.low < %(limit)s END)
ORDER BY s.id LIMIT %(most)s;

-- past_series_of_devices --
-- Of each device the series of which there is most.
SELECT DISTINCT ON (d.key) s.id, d.key, d.name
FROM dormouse.series s JOIN dormouse.device d ON d.tenant_id = s.tenant_id AND d.id = s.device_id
JOIN LATERAL (
    SELECT sum(h.n) AS n FROM dormouse.hourly h
    WHERE h.series_id = s.id AND h.start >= %(since)s
) AS h ON h.n > 10
WHERE (%(device)s::text IS NULL OR d.key = %(device)s)
  AND (%(place)s::int IS NULL OR d.location_id IN (SELECT dormouse.places_within(%(place)s)))
ORDER BY d.key, h.n DESC, s.id LIMIT %(most)s;

-- past_gaps --
WITH steps AS MATERIALIZED (
    SELECT at, coalesce(lead(at) OVER (ORDER BY at), %(now)s::timestamptz) AS next,
           lead(at) OVER (ORDER BY at) AS back
    FROM dormouse.calibrated
    WHERE series_id = %(series)s AND at >= %(since)s AND at <= %(now)s
      AND stored_under >= date_bin('1 day', %(since)s::timestamptz, '2000-01-01Z')
), usual AS (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY date_part('epoch', next - at)) AS s
    FROM steps
)
SELECT at + usual.s * interval '1 s', back FROM steps, usual
WHERE date_part('epoch', next - at) > %(missed)s * usual.s * %(share)s + %(margin)s + usual.s
ORDER BY at LIMIT 1000;
