-- What programs show to the API; `hash` is the SHA-256 of a secret of 256 random bits.
CREATE TABLE dormouse.token (
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    id integer GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    hash bytea NOT NULL CHECK (length(hash) = 32),
    scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
    made_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    used_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
GRANT SELECT, INSERT, DELETE, UPDATE (used_at) ON dormouse.token TO dormouse_app;
