-- Questions about devices under a name: a person's own, or (person_id null) everybody's of the
-- tenant. A person's go when they leave it.
CREATE TABLE dormouse.saved_search (
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    id integer GENERATED ALWAYS AS IDENTITY,
    person_id integer,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    path text NOT NULL CHECK (length(path) <= 1000),
    made_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE NULLS NOT DISTINCT (tenant_id, person_id, name),
    FOREIGN KEY (tenant_id, person_id)
        REFERENCES dormouse.membership (tenant_id, person_id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, DELETE ON dormouse.saved_search TO dormouse_app;

-- Several drafts of a wizard, each under a name; the one without is there already.
ALTER TABLE dormouse.wizard
    ADD draft text NOT NULL DEFAULT '' CHECK (length(draft) <= 100),
    DROP CONSTRAINT wizard_pkey,
    ADD PRIMARY KEY (tenant_id, person, wizard, draft);
