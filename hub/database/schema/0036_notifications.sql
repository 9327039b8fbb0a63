-- What people want to be told, where, what there was to tell, and what is on its way to them.

-- Where messages go. A person's own, or (person_id null) everybody's of the tenant; a person's go
-- when they leave it. `shown` is what may be told of the address, which is a secret.
CREATE TABLE dormouse.notify_channel (
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    id integer GENERATED ALWAYS AS IDENTITY,
    person_id integer,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    kind text NOT NULL CHECK (kind IN ('apprise', 'webhook')),
    shown text NOT NULL,
    -- Whoever named it may have it reach any address: the operator of the hub's machine.
    anywhere boolean NOT NULL DEFAULT false,
    -- On the clock of the place that a message is about; urgent ones come through.
    quiet_from time,
    quiet_until time,
    quiet_weekends boolean NOT NULL DEFAULT false,
    -- All but urgent messages of a day together, at that time.
    digest_at time,
    made_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    failed_at timestamptz,
    error text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, id),
    UNIQUE NULLS NOT DISTINCT (tenant_id, person_id, name),
    CHECK ((quiet_from IS NULL) = (quiet_until IS NULL)),
    FOREIGN KEY (tenant_id, person_id)
        REFERENCES dormouse.membership (tenant_id, person_id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, DELETE ON dormouse.notify_channel TO dormouse_app;
GRANT UPDATE (shown, quiet_from, quiet_until, quiet_weekends, digest_at, sent_at, failed_at, error)
    ON dormouse.notify_channel TO dormouse_app;

-- Apart, so that nothing that lists channels has it in its hands.
CREATE TABLE dormouse.notify_secret (
    tenant_id integer NOT NULL,
    channel_id integer NOT NULL,
    address text NOT NULL CHECK (length(address) <= 2000),
    -- Of a webhook: what its messages are signed with.
    signing text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, channel_id),
    FOREIGN KEY (tenant_id, channel_id)
        REFERENCES dormouse.notify_channel (tenant_id, id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, DELETE ON dormouse.notify_secret TO dormouse_app;

CREATE TABLE dormouse.notify_rule (
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    id integer GENERATED ALWAYS AS IDENTITY,
    person_id integer,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    kind text NOT NULL,
    -- With everything below it in the tree; both null: all of the tenant.
    place_id integer,
    device_id integer,
    options jsonb NOT NULL DEFAULT '{}',
    urgent boolean NOT NULL DEFAULT false,
    enabled boolean NOT NULL DEFAULT true,
    made_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE NULLS NOT DISTINCT (tenant_id, person_id, name),
    CHECK (place_id IS NULL OR device_id IS NULL),
    FOREIGN KEY (tenant_id, person_id)
        REFERENCES dormouse.membership (tenant_id, person_id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, place_id)
        REFERENCES dormouse.place (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, device_id)
        REFERENCES dormouse.device (tenant_id, id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, DELETE ON dormouse.notify_rule TO dormouse_app;
GRANT UPDATE (name, options, urgent, enabled) ON dormouse.notify_rule TO dormouse_app;

CREATE TABLE dormouse.notify_rule_channel (
    tenant_id integer NOT NULL,
    rule_id integer NOT NULL,
    channel_id integer NOT NULL,
    PRIMARY KEY (tenant_id, rule_id, channel_id),
    FOREIGN KEY (tenant_id, rule_id)
        REFERENCES dormouse.notify_rule (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, channel_id)
        REFERENCES dormouse.notify_channel (tenant_id, id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, DELETE ON dormouse.notify_rule_channel TO dormouse_app;

-- What there was to tell. `subject` is what a rule was about when it held (a series, a device, a
-- rollout, the hub): there is one open alert of each. Those of a rule that is gone stay.
CREATE TABLE dormouse.notify_alert (
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    id bigint GENERATED ALWAYS AS IDENTITY,
    rule_id integer,
    person_id integer,
    kind text NOT NULL,
    subject text NOT NULL,
    device_id integer,
    place_id integer,
    name text NOT NULL,
    text text NOT NULL,
    urgent boolean NOT NULL,
    since timestamptz NOT NULL,
    opened_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_text text NOT NULL DEFAULT '',
    acknowledged_at timestamptz,
    acknowledged_by text,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, rule_id)
        REFERENCES dormouse.notify_rule (tenant_id, id) ON DELETE SET NULL (rule_id),
    FOREIGN KEY (tenant_id, person_id)
        REFERENCES dormouse.membership (tenant_id, person_id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, device_id)
        REFERENCES dormouse.device (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, place_id)
        REFERENCES dormouse.place (tenant_id, id) ON DELETE SET NULL (place_id)
);
CREATE UNIQUE INDEX notify_alert_open ON dormouse.notify_alert (tenant_id, rule_id, subject)
    WHERE ended_at IS NULL;
CREATE INDEX notify_alert_opened ON dormouse.notify_alert (tenant_id, opened_at DESC);
GRANT SELECT, INSERT, DELETE ON dormouse.notify_alert TO dormouse_app;
GRANT UPDATE (ended_at, ended_text, acknowledged_at, acknowledged_by)
    ON dormouse.notify_alert TO dormouse_app;

-- Messages on their way: `next_at` is when one is tried (again), null when it was sent or given up.
-- `key` is the same at every try.
CREATE TABLE dormouse.notify_message (
    tenant_id integer NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    channel_id integer NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    next_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    sent_at timestamptz,
    dead_at timestamptz,
    error text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, channel_id)
        REFERENCES dormouse.notify_channel (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX notify_message_next ON dormouse.notify_message (tenant_id, next_at)
    WHERE next_at IS NOT NULL;
GRANT SELECT, INSERT, DELETE ON dormouse.notify_message TO dormouse_app;
GRANT UPDATE (next_at, attempts, sent_at, dead_at, error) ON dormouse.notify_message TO dormouse_app;

-- What has to be told of an alert to a channel, and by which message it was (null: not yet).
CREATE TABLE dormouse.notify_due (
    tenant_id integer NOT NULL,
    alert_id bigint NOT NULL,
    channel_id integer NOT NULL,
    what text NOT NULL CHECK (what IN ('opened', 'ended')),
    due_at timestamptz NOT NULL,
    message_id bigint,
    PRIMARY KEY (tenant_id, alert_id, channel_id, what),
    FOREIGN KEY (tenant_id, alert_id)
        REFERENCES dormouse.notify_alert (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, channel_id)
        REFERENCES dormouse.notify_channel (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, message_id)
        REFERENCES dormouse.notify_message (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX notify_due_at ON dormouse.notify_due (tenant_id, due_at) WHERE message_id IS NULL;
GRANT SELECT, INSERT, DELETE ON dormouse.notify_due TO dormouse_app;
GRANT UPDATE (due_at, message_id) ON dormouse.notify_due TO dormouse_app;
