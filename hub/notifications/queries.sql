-- Rules, channels, alerts and messages. A person sees their own and everybody's.

-- channels --
SELECT id, name, kind, shown, anywhere, quiet_from, quiet_until, quiet_weekends, digest_at,
       person_id, made_by, sent_at, failed_at, error
FROM dormouse.notify_channel
WHERE %(person)s::int IS NULL OR person_id IS NULL OR person_id = %(person)s
ORDER BY lower(name), name, id;

-- hold --
-- Two that add at once are counted one after the other.
SELECT pg_advisory_xact_lock(hashtextextended('dormouse.notify', dormouse.current_tenant()));

-- count_channels --
SELECT count(*) FROM dormouse.notify_channel WHERE person_id IS NOT DISTINCT FROM %(owner)s::int;

-- count_rules --
SELECT count(*) FROM dormouse.notify_rule WHERE person_id IS NOT DISTINCT FROM %(owner)s::int;

-- add_channel --
INSERT INTO dormouse.notify_channel (person_id, name, kind, shown, anywhere, quiet_from,
    quiet_until, quiet_weekends, digest_at, made_by)
VALUES (%(owner)s, %(name)s, %(kind)s, %(shown)s, %(anywhere)s, %(quiet_from)s, %(quiet_until)s,
    %(weekends)s, %(digest_at)s, %(by)s)
RETURNING id;

-- add_secret --
INSERT INTO dormouse.notify_secret (tenant_id, channel_id, address, signing)
VALUES (dormouse.current_tenant(), %s, %s, %s);

-- set_hours --
UPDATE dormouse.notify_channel SET quiet_from = %(quiet_from)s, quiet_until = %(quiet_until)s,
    quiet_weekends = %(weekends)s, digest_at = %(digest_at)s
WHERE id = %(channel)s;

-- remove_channel --
DELETE FROM dormouse.notify_channel WHERE id = %s;

-- rules --
SELECT r.id, r.name, r.kind, r.options, r.place_id AS place, d.key AS device,
       p.name AS place_name, d.name AS device_name, r.urgent, r.enabled, r.created_at,
       r.person_id AS person,
       coalesce((SELECT array_agg(c.channel_id ORDER BY c.channel_id)
                 FROM dormouse.notify_rule_channel c
                 WHERE c.rule_id = r.id AND NOT c.escalated), '{}') AS channels,
       coalesce((SELECT array_agg(c.channel_id ORDER BY c.channel_id)
                 FROM dormouse.notify_rule_channel c
                 WHERE c.rule_id = r.id AND c.escalated), '{}') AS escalate,
       r.escalate_after_s, r.made_by
FROM dormouse.notify_rule r
LEFT JOIN dormouse.place p ON p.tenant_id = r.tenant_id AND p.id = r.place_id
LEFT JOIN dormouse.device d ON d.tenant_id = r.tenant_id AND d.id = r.device_id
WHERE %(person)s::int IS NULL OR r.person_id IS NULL OR r.person_id = %(person)s
ORDER BY lower(r.name), r.name, r.id;

-- add_rule --
INSERT INTO dormouse.notify_rule (person_id, name, kind, place_id, device_id, options, urgent,
    enabled, escalate_after_s, made_by, created_at)
VALUES (%(owner)s, %(name)s, %(kind)s, %(place)s,
    (SELECT id FROM dormouse.device WHERE key = %(device)s), %(options)s, %(urgent)s,
    %(enabled)s, %(escalate_after_s)s, %(by)s, coalesce(%(at)s, now()))
RETURNING id;

-- add_rule_channels --
INSERT INTO dormouse.notify_rule_channel (tenant_id, rule_id, channel_id, escalated)
SELECT dormouse.current_tenant(), %s, unnest(%s::int[]), %s;

-- remove_rule_channels --
DELETE FROM dormouse.notify_rule_channel WHERE rule_id = %s;

-- change_rule --
UPDATE dormouse.notify_rule SET name = %(name)s, options = %(options)s, urgent = %(urgent)s,
    enabled = %(enabled)s, escalate_after_s = %(escalate_after_s)s
WHERE id = %(rule)s;

-- remove_rule --
DELETE FROM dormouse.notify_rule WHERE id = %s;

-- alerts --
SELECT a.id, a.rule_id AS rule, a.kind, a.subject, d.key AS device, a.place_id AS place, a.name,
       a.text, a.urgent, a.since, a.opened_at, a.ended_at, a.ended_text, a.acknowledged_at,
       a.acknowledged_by, a.person_id AS person
FROM dormouse.notify_alert a
LEFT JOIN dormouse.device d ON d.tenant_id = a.tenant_id AND d.id = a.device_id
WHERE (a.person_id IS NULL OR a.person_id = %(person)s)
  AND (NOT %(open)s OR a.ended_at IS NULL)
ORDER BY a.ended_at IS NOT NULL, a.opened_at DESC, a.id DESC LIMIT %(limit)s;

-- open_alerts --
-- Of the rules, and of each subject the newest that ended.
SELECT a.id, a.rule_id AS rule, a.kind, a.subject, d.key AS device, a.place_id AS place, a.name,
       a.text, a.urgent, a.since, a.opened_at, a.ended_at, a.ended_text, a.acknowledged_at,
       a.acknowledged_by, a.person_id AS person
FROM dormouse.notify_alert a
LEFT JOIN dormouse.device d ON d.tenant_id = a.tenant_id AND d.id = a.device_id
WHERE a.rule_id IS NOT NULL AND (a.ended_at IS NULL OR a.ended_at > %(since)s)
ORDER BY a.opened_at, a.id;

-- open_alert --
-- Once: another worker may have been quicker.
INSERT INTO dormouse.notify_alert (rule_id, person_id, kind, subject, device_id, place_id, name,
    text, urgent, since, opened_at, ended_at, ended_text)
SELECT %(rule)s, %(person)s, %(kind)s, %(subject)s,
       (SELECT id FROM dormouse.device WHERE key = %(device)s), %(place)s, %(name)s, %(text)s,
       %(urgent)s, %(since)s, %(now)s, %(ended_at)s, %(ended_text)s
WHERE %(rule)s::int IS NULL OR EXISTS (SELECT FROM dormouse.notify_rule WHERE id = %(rule)s)
ON CONFLICT DO NOTHING
RETURNING id;

-- end_alert --
UPDATE dormouse.notify_alert SET ended_at = %(ended_at)s, ended_text = %(text)s
WHERE id = %(alert)s AND ended_at IS NULL RETURNING id;

-- any_open --
SELECT EXISTS (SELECT FROM dormouse.notify_alert WHERE ended_at IS NULL);

-- open_alerts_of --
SELECT a.id, a.rule_id AS rule, a.kind, a.subject, d.key AS device, a.place_id AS place, a.name,
       a.text, a.urgent, a.since, a.opened_at, a.ended_at, a.ended_text, a.acknowledged_at,
       a.acknowledged_by, a.person_id AS person
FROM dormouse.notify_alert a
LEFT JOIN dormouse.device d ON d.tenant_id = a.tenant_id AND d.id = a.device_id
WHERE a.rule_id = %s AND a.ended_at IS NULL ORDER BY a.opened_at, a.id;

-- lost_alerts --
-- Open ones whose rule, or whose device, was removed.
SELECT a.id, a.rule_id AS rule, a.kind, a.subject, d.key AS device, a.place_id AS place, a.name,
       a.text, a.urgent, a.since, a.opened_at, a.ended_at, a.ended_text, a.acknowledged_at,
       a.acknowledged_by, a.person_id AS person
FROM dormouse.notify_alert a
LEFT JOIN dormouse.device d ON d.tenant_id = a.tenant_id AND d.id = a.device_id
WHERE a.ended_at IS NULL AND a.kind <> 'channel'
  AND (a.rule_id IS NULL
       OR a.kind IN ('value', 'silent', 'battery', 'odd') AND a.device_id IS NULL);

-- forget_removed --
-- Nothing of a removed device stays but what is still to be told.
DELETE FROM dormouse.notify_alert a
WHERE a.kind IN ('value', 'silent', 'battery', 'odd') AND a.device_id IS NULL
  AND a.ended_at IS NOT NULL
  AND NOT EXISTS (SELECT FROM dormouse.notify_due d
                  WHERE d.alert_id = a.id AND d.message_id IS NULL);

-- not_acknowledged --
-- For as long as its rule says, since it was told, or could be; and nobody else was told of it.
SELECT a.id, a.rule_id AS rule, a.kind, a.subject, v.key AS device, a.place_id AS place, a.name,
       a.text, a.urgent, a.since, a.opened_at, a.ended_at, a.ended_text, a.acknowledged_at,
       a.acknowledged_by, a.person_id AS person
FROM dormouse.notify_alert a
JOIN dormouse.notify_rule r ON r.id = a.rule_id
LEFT JOIN dormouse.device v ON v.tenant_id = a.tenant_id AND v.id = a.device_id
WHERE a.rule_id = ANY(%(rules)s) AND a.ended_at IS NULL AND a.acknowledged_at IS NULL
  AND NOT EXISTS (SELECT FROM dormouse.notify_due e
                  WHERE e.alert_id = a.id AND e.what = 'escalated')
  AND r.escalate_after_s * interval '1 s' <= %(now)s - coalesce(
      (SELECT min(d.due_at) FROM dormouse.notify_due d
       WHERE d.alert_id = a.id AND d.what = 'opened'), a.opened_at);

-- follow_replaced --
UPDATE dormouse.notify_alert a
SET subject = d.key || substr(a.subject, length(split_part(a.subject, '/', 1)) + 1)
FROM dormouse.device d
WHERE d.tenant_id = a.tenant_id AND d.id = a.device_id AND a.ended_at IS NULL
  AND split_part(a.subject, '/', 1) <> d.key;

-- acknowledge --
UPDATE dormouse.notify_alert
SET acknowledged_at = coalesce(acknowledged_at, %(now)s),
    acknowledged_by = coalesce(acknowledged_by, %(who)s)
WHERE id = ANY(%(alerts)s) AND (person_id IS NULL OR person_id = %(person)s)
RETURNING id;

-- forget_escalation --
DELETE FROM dormouse.notify_due
WHERE message_id IS NULL AND what = 'escalated' AND alert_id = ANY(%s);

-- add_due --
INSERT INTO dormouse.notify_due (tenant_id, alert_id, channel_id, what, due_at)
SELECT dormouse.current_tenant(), %(alert)s, c.channel, %(what)s, c.due
FROM unnest(%(channels)s::int[], %(dues)s::timestamptz[]) AS c(channel, due)
JOIN dormouse.notify_channel n ON n.id = c.channel
ON CONFLICT DO NOTHING;

-- forget_unsaid --
-- Of what is over: that nobody acknowledged it; where nobody looks any more, all.
DELETE FROM dormouse.notify_due
WHERE message_id IS NULL AND alert_id = %(alert)s AND (what = 'escalated' OR %(all)s);

-- told_of --
SELECT DISTINCT channel_id FROM dormouse.notify_due WHERE alert_id = %s AND what <> 'ended';

-- due_channels --
-- While a channel takes nothing two messages wait at most: what comes meanwhile is told with the
-- next, together.
SELECT c.id FROM (
    SELECT DISTINCT channel_id AS id FROM dormouse.notify_due
    WHERE message_id IS NULL AND due_at <= %s) AS c
WHERE NOT dormouse.notify_held(c.id) ORDER BY 1;

-- try_held --
-- Something new for a channel that took nothing: perhaps it does now.
UPDATE dormouse.notify_message m SET next_at = %(now)s
FROM (SELECT DISTINCT ON (w.channel_id) w.tenant_id, w.id FROM dormouse.notify_message w
      JOIN dormouse.notify_channel c ON c.id = w.channel_id
      WHERE w.next_at > %(now)s AND w.error <> ''
        AND c.failed_at < %(now)s::timestamptz - interval '1 minute'
        AND EXISTS (SELECT FROM dormouse.notify_due d
                    WHERE d.channel_id = c.id AND d.message_id IS NULL
                      AND d.due_at > c.failed_at AND d.due_at <= %(now)s)
      ORDER BY w.channel_id, w.id) AS o
WHERE m.tenant_id = o.tenant_id AND m.id = o.id;

-- clock_was_set --
-- What was dated by a clock that went hours ahead is due as of now.
WITH dues AS (
    UPDATE dormouse.notify_due d SET due_at = %(now)s FROM dormouse.notify_alert a
    WHERE d.message_id IS NULL AND a.id = d.alert_id AND d.due_at > %(now)s
      AND a.opened_at > %(now)s::timestamptz + interval '2 hours'
)
UPDATE dormouse.notify_message SET next_at = %(now)s
WHERE next_at > %(now)s::timestamptz + interval '2 hours';

-- on_its_way --
-- What a hub was sending when it ended: nobody knows whether it arrived.
UPDATE dormouse.notify_message SET next_at = %(now)s
WHERE next_at > %(now)s AND attempts > 0 AND error = '';

-- hold_channel --
SELECT id, name, kind, shown, anywhere, quiet_from, quiet_until, quiet_weekends, digest_at,
       person_id, made_by, sent_at, failed_at, error
FROM dormouse.notify_channel WHERE id = %s FOR UPDATE;

-- due_of_channel --
-- All that is due, and what comes with it of the same rule; not what waits for other hours.
WITH rules AS (
    SELECT DISTINCT a.rule_id FROM dormouse.notify_due d
    JOIN dormouse.notify_alert a ON a.id = d.alert_id
    WHERE d.channel_id = %(channel)s AND d.message_id IS NULL AND d.due_at <= %(now)s
)
SELECT d.what, a.id, a.rule_id AS rule, a.kind, a.subject, v.key AS device, a.place_id AS place,
       a.name, a.text, a.urgent, a.since, a.opened_at, a.ended_at, a.ended_text,
       a.acknowledged_at, a.acknowledged_by, a.person_id AS person
FROM dormouse.notify_due d
JOIN dormouse.notify_alert a ON a.id = d.alert_id
LEFT JOIN dormouse.device v ON v.tenant_id = a.tenant_id AND v.id = a.device_id
WHERE d.channel_id = %(channel)s AND d.message_id IS NULL
  AND (d.due_at <= %(now)s
       OR (d.due_at <= %(soon)s AND a.rule_id IN (SELECT rule_id FROM rules)))
ORDER BY a.opened_at, a.id;

-- add_message --
INSERT INTO dormouse.notify_message (tenant_id, channel_id, key, title, body, payload, created_at,
    next_at)
VALUES (dormouse.current_tenant(), %(channel)s, %(key)s, %(title)s, %(body)s, %(payload)s,
    %(now)s, %(now)s)
RETURNING id;

-- said_by --
UPDATE dormouse.notify_due d SET message_id = %(message)s
FROM unnest(%(alerts)s::bigint[], %(whats)s::text[]) AS w(alert, what)
WHERE d.channel_id = %(channel)s AND d.alert_id = w.alert AND d.what = w.what;

-- claim_messages --
-- Whoever claims one has until `again` to send it; then it is tried anew, with the same key.
WITH next AS (
    SELECT tenant_id, id FROM dormouse.notify_message
    WHERE next_at <= %(now)s ORDER BY next_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE dormouse.notify_message m SET next_at = %(again)s, attempts = m.attempts + 1
FROM next n, dormouse.notify_channel c, dormouse.notify_secret s
WHERE m.tenant_id = n.tenant_id AND m.id = n.id AND c.id = m.channel_id
  AND s.channel_id = m.channel_id
RETURNING m.id, c.kind, s.address, s.signing, c.anywhere, m.key, m.title, m.body, m.payload,
          m.attempts, m.channel_id, m.created_at;

-- message_sent --
-- Its channel works, so that what waits for it is tried at once.
WITH m AS (
    UPDATE dormouse.notify_message SET sent_at = %(now)s, next_at = NULL, error = ''
    WHERE id = %(message)s RETURNING tenant_id, id, channel_id
), waiting AS (
    UPDATE dormouse.notify_message w SET next_at = %(now)s FROM m
    WHERE w.tenant_id = m.tenant_id AND w.channel_id = m.channel_id AND w.id <> m.id
      AND w.next_at > %(now)s AND w.error <> ''
)
UPDATE dormouse.notify_channel c SET sent_at = %(now)s, failed_at = NULL, error = ''
FROM m WHERE c.tenant_id = m.tenant_id AND c.id = m.channel_id;

-- message_failed --
WITH m AS (
    UPDATE dormouse.notify_message
    SET next_at = %(next)s, error = %(error)s,
        dead_at = CASE WHEN %(next)s::timestamptz IS NULL THEN %(now)s::timestamptz END
    WHERE id = %(message)s RETURNING tenant_id, channel_id
)
UPDATE dormouse.notify_channel c SET failed_at = %(now)s, error = %(error)s
FROM m WHERE c.tenant_id = m.tenant_id AND c.id = m.channel_id
RETURNING c.id, c.name, c.person_id;

-- channels_beside --
-- Others of the same owner, to be told that one does not work.
SELECT id FROM dormouse.notify_channel
WHERE id <> %(channel)s AND person_id IS NOT DISTINCT FROM %(person)s::int AND failed_at IS NULL;

-- failing_channels --
-- Those of which it was told that they do not work; removed ones too, and ones that work again.
SELECT a.id, a.subject, a.person_id AS person, a.since, a.name, c.error,
       c.failed_at IS NOT NULL AS fails, c.id IS NOT NULL AS there
FROM dormouse.notify_alert a
LEFT JOIN dormouse.notify_channel c ON a.subject = 'channel ' || c.id
WHERE a.kind = 'channel' AND a.ended_at IS NULL ORDER BY a.id;

-- given_up_since --
SELECT count(*) FROM dormouse.notify_message
WHERE channel_id = %(channel)s AND dead_at >= %(since)s;

-- messages --
SELECT m.id, m.channel_id AS channel, m.title, m.body, m.created_at, m.next_at, m.attempts,
       m.sent_at, m.dead_at, m.error
FROM dormouse.notify_message m
WHERE m.channel_id = ANY(%(channels)s) ORDER BY m.id DESC LIMIT %(limit)s;

-- next_due --
SELECT least(
    (SELECT min(c.due_at) FROM (
        SELECT channel_id, min(due_at) AS due_at FROM dormouse.notify_due
        WHERE message_id IS NULL GROUP BY 1) AS c
     WHERE NOT dormouse.notify_held(c.channel_id)),
    (SELECT min(next_at) FROM dormouse.notify_message WHERE next_at IS NOT NULL));

-- last_said --
-- When channels were told of a rule last, where that was so often already: what follows soon comes
-- with what follows it.
SELECT d.channel_id, max(m.created_at)
FROM dormouse.notify_message m
JOIN dormouse.notify_due d ON d.message_id = m.id
JOIN dormouse.notify_alert a ON a.id = d.alert_id AND a.rule_id = %(rule)s
WHERE d.channel_id = ANY(%(channels)s) AND m.created_at > %(since)s AND m.created_at <= %(now)s
GROUP BY 1 HAVING count(DISTINCT m.id) >= %(most)s;

-- forget_old --
WITH gone AS (
    DELETE FROM dormouse.notify_message
    WHERE next_at IS NULL AND created_at < %(before)s RETURNING 1
)
DELETE FROM dormouse.notify_alert WHERE ended_at < %(before)s;

-- places --
SELECT id, parent_id, name FROM dormouse.place;

-- readings_after --
-- Calibrated, in order, each with where its device was when it measured.
SELECT w.series, c.at, c.value, p.location_id
FROM unnest(%(series)s::int[], %(after)s::timestamptz[]) AS w(series, after)
CROSS JOIN LATERAL (
    SELECT c.device_id, c.at, c.value FROM dormouse.calibrated c
    WHERE c.series_id = w.series AND c.at > w.after AND c.at <= %(until)s
      AND c.stored_under >= date_bin('1 day', w.after, '2000-01-01Z') AND c.value IS NOT NULL
    ORDER BY c.at DESC LIMIT %(most)s
) AS c
LEFT JOIN dormouse.placement p ON p.device_id = c.device_id AND p.during @> c.at
ORDER BY w.series, c.at;

-- located_devices --
SELECT key, name, location_id FROM dormouse.device ORDER BY key;
