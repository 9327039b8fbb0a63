-- People, what they may see, their sessions. A person is nobody's: the same one may look after
-- several tenants. What is a tenant's is who its people are, and whom it has invited.

-- No grants on these two; the functions below are the only way to them.
CREATE TABLE dormouse.person (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The name as it is compared at log-in: two people must not differ by case alone.
    login text NOT NULL UNIQUE,
    name text NOT NULL,
    -- argon2id, in its own form with salt and costs.
    password text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now()
);

-- `hash` is the SHA-256 of a random token that only the browser has.
CREATE TABLE dormouse.web_session (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash bytea NOT NULL UNIQUE,
    person_id integer NOT NULL REFERENCES dormouse.person ON DELETE CASCADE,
    tenant_id integer REFERENCES dormouse.tenant,
    agent text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX web_session_by_person ON dormouse.web_session (person_id);

CREATE TABLE dormouse.membership (
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    person_id integer NOT NULL REFERENCES dormouse.person ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('reader', 'administrator')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, person_id)
);
CREATE INDEX membership_by_person ON dormouse.membership (person_id);

-- A link that may be used once. `first`: printed by the hub itself, for its first administrator.
CREATE TABLE dormouse.invitation (
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    id integer GENERATED ALWAYS AS IDENTITY,
    hash bytea NOT NULL UNIQUE,
    role text NOT NULL CHECK (role IN ('reader', 'administrator')),
    note text NOT NULL DEFAULT '',
    first boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
