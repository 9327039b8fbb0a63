-- Who is told besides where nobody acknowledged in time; and what was told is told to its end.

ALTER TABLE dormouse.notify_rule
    ADD COLUMN escalate_after_s integer CHECK (escalate_after_s BETWEEN 60 AND 604800);
GRANT UPDATE (escalate_after_s) ON dormouse.notify_rule TO dormouse_app;

ALTER TABLE dormouse.notify_rule_channel ADD COLUMN escalated boolean NOT NULL DEFAULT false;

ALTER TABLE dormouse.notify_due DROP CONSTRAINT notify_due_what_check;
ALTER TABLE dormouse.notify_due ADD CONSTRAINT notify_due_what_check
    CHECK (what IN ('opened', 'ended', 'escalated'));

-- Of a device that is removed it has to be told that nobody looks any more; then the hub forgets it.
ALTER TABLE dormouse.notify_alert DROP CONSTRAINT notify_alert_tenant_id_device_id_fkey;
ALTER TABLE dormouse.notify_alert ADD CONSTRAINT notify_alert_tenant_id_device_id_fkey
    FOREIGN KEY (tenant_id, device_id)
    REFERENCES dormouse.device (tenant_id, id) ON DELETE SET NULL (device_id);
CREATE INDEX notify_alert_removed ON dormouse.notify_alert (tenant_id)
    WHERE device_id IS NULL AND kind IN ('value', 'silent', 'battery', 'odd');
-- A device that takes another's place goes on with what was told of it.
GRANT UPDATE (subject) ON dormouse.notify_alert TO dormouse_app;

-- A channel that does not work is told once while that lasts.
CREATE UNIQUE INDEX notify_alert_channel ON dormouse.notify_alert (tenant_id, subject)
    WHERE kind = 'channel' AND ended_at IS NULL;

-- Whether a channel takes nothing, and enough waits for it.
CREATE FUNCTION dormouse.notify_held(channel integer) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*) >= 2
    FROM dormouse.notify_message m
    JOIN dormouse.notify_channel c ON c.tenant_id = m.tenant_id AND c.id = m.channel_id
    WHERE m.channel_id = channel AND m.next_at IS NOT NULL AND m.error <> ''
      AND m.created_at > coalesce(c.sent_at, '-infinity')
$$;
REVOKE EXECUTE ON FUNCTION dormouse.notify_held FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dormouse.notify_held TO dormouse_app;
