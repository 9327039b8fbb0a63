-- Updates of many devices: what is to be reached, where each device stands, and how it got there.

CREATE TABLE dormouse.rollout (
    id integer GENERATED ALWAYS AS IDENTITY,
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    kind text NOT NULL CHECK (kind IN ('firmware', 'settings')),
    target jsonb NOT NULL,
    options jsonb NOT NULL,
    -- The image, as long as the rollout is not over; no foreign key, for it may go afterwards.
    image_id integer,
    phase text NOT NULL CHECK (
        phase IN ('running', 'paused', 'halted', 'aborting', 'aborted', 'done')),
    reason text NOT NULL DEFAULT '',
    wave integer NOT NULL DEFAULT 0,
    forgiven integer NOT NULL DEFAULT 0,
    -- Counts commits: a step that may or may not have been committed is recognised by it.
    revision integer NOT NULL DEFAULT 0,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE dormouse.rollout_device (
    tenant_id integer NOT NULL,
    rollout_id integer NOT NULL,
    device_id integer NOT NULL,
    wave integer NOT NULL,
    state text NOT NULL CHECK (state IN (
        'pending', 'commanded', 'accepted', 'updating', 'verifying', 'updated', 'failed',
        'skipped')),
    attempts integer NOT NULL DEFAULT 0,
    command bigint NOT NULL DEFAULT 0,
    reason text NOT NULL DEFAULT '',
    since timestamptz NOT NULL,
    not_before timestamptz,
    owed boolean NOT NULL DEFAULT false,
    health text NOT NULL DEFAULT '' CHECK (health IN ('', 'watched', 'good', 'bad', 'forgiven')),
    health_reason text NOT NULL DEFAULT '',
    -- Reports from before and after, and what else the plan remembers.
    baseline jsonb NOT NULL DEFAULT '{}',
    detail jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, rollout_id, device_id),
    FOREIGN KEY (tenant_id, rollout_id) REFERENCES dormouse.rollout (tenant_id, id),
    FOREIGN KEY (tenant_id, device_id) REFERENCES dormouse.device (tenant_id, id) ON DELETE CASCADE
) WITH (fillfactor = 50);
-- A device is in one rollout at a time.
CREATE UNIQUE INDEX rollout_device_open ON dormouse.rollout_device (tenant_id, device_id)
    WHERE state NOT IN ('updated', 'failed', 'skipped');
CREATE INDEX rollout_device_by_device ON dormouse.rollout_device (tenant_id, device_id, command);

CREATE TABLE dormouse.rollout_event (
    tenant_id integer NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    rollout_id integer NOT NULL,
    device_id integer,
    at timestamptz NOT NULL,
    what text NOT NULL CHECK (what IN ('state', 'health', 'phase', 'wave')),
    before text NOT NULL,
    after text NOT NULL,
    reason text NOT NULL DEFAULT '',
    command bigint,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, rollout_id) REFERENCES dormouse.rollout (tenant_id, id),
    FOREIGN KEY (tenant_id, device_id) REFERENCES dormouse.device (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX rollout_event_by_rollout ON dormouse.rollout_event (tenant_id, rollout_id, id);

GRANT SELECT, INSERT, UPDATE ON dormouse.rollout, dormouse.rollout_device TO dormouse_app;
GRANT SELECT, INSERT ON dormouse.rollout_event TO dormouse_app;
