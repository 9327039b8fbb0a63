-- Pushes to repositories that start chains of steps, and the runs of those.

-- `chain` is how a push is fetched and the steps after that, as hub/hooks/model.py has it.
CREATE TABLE dormouse.hook (
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    id integer GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    source text NOT NULL,
    repository text NOT NULL,
    branch text NOT NULL,
    chain jsonb NOT NULL,
    tells boolean NOT NULL DEFAULT false,
    made_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);
GRANT SELECT, INSERT, DELETE ON dormouse.hook TO dormouse_app;

-- Apart, so that nothing that lists hooks has it in its hands. The secret signs: its hash would
-- not do.
CREATE TABLE dormouse.hook_secret (
    tenant_id integer NOT NULL,
    hook_id integer NOT NULL,
    secret text NOT NULL,
    status_token text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, hook_id),
    FOREIGN KEY (tenant_id, hook_id)
        REFERENCES dormouse.hook (tenant_id, id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, DELETE ON dormouse.hook_secret TO dormouse_app;

-- What came and was rightly signed: neither the same body nor the same id counts again.
CREATE TABLE dormouse.hook_delivery (
    tenant_id integer NOT NULL,
    hook_id integer NOT NULL,
    digest bytea NOT NULL,
    key text,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, hook_id, digest),
    UNIQUE (tenant_id, hook_id, key),
    FOREIGN KEY (tenant_id, hook_id)
        REFERENCES dormouse.hook (tenant_id, id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, DELETE ON dormouse.hook_delivery TO dormouse_app;

CREATE TABLE dormouse.hook_run (
    tenant_id integer NOT NULL,
    id integer GENERATED ALWAYS AS IDENTITY,
    hook_id integer NOT NULL,
    who text NOT NULL,
    branch text NOT NULL,
    commit text NOT NULL,
    forced boolean NOT NULL DEFAULT false,
    state text NOT NULL
        CHECK (state IN ('queued', 'running', 'waiting', 'passed', 'failed', 'skipped')),
    reason text NOT NULL DEFAULT '',
    chain jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    began_at timestamptz,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, hook_id)
        REFERENCES dormouse.hook (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX hook_run_by_hook ON dormouse.hook_run (tenant_id, hook_id, id DESC);
CREATE INDEX hook_run_open ON dormouse.hook_run (tenant_id, id)
    WHERE state IN ('queued', 'running', 'waiting');
GRANT SELECT, INSERT, DELETE ON dormouse.hook_run TO dormouse_app;
GRANT UPDATE (commit, state, reason, began_at, ended_at) ON dormouse.hook_run TO dormouse_app;

CREATE TABLE dormouse.hook_step (
    tenant_id integer NOT NULL,
    run_id integer NOT NULL,
    position integer NOT NULL,
    kind text NOT NULL,
    state text NOT NULL
        CHECK (state IN ('pending', 'running', 'waiting', 'passed', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    text text NOT NULL DEFAULT '',
    tail text NOT NULL DEFAULT '',
    detail jsonb NOT NULL DEFAULT '{}',
    began_at timestamptz,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, run_id, position),
    FOREIGN KEY (tenant_id, run_id)
        REFERENCES dormouse.hook_run (tenant_id, id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, DELETE ON dormouse.hook_step TO dormouse_app;
GRANT UPDATE (state, attempts, text, tail, detail, began_at, ended_at)
    ON dormouse.hook_step TO dormouse_app;
