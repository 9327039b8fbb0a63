-- History that others kept before, and who imported it. How far an import came is counted with its
-- rows, in the same transaction.
CREATE TABLE dormouse.history_import (
    id integer GENERATED ALWAYS AS IDENTITY,
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    source text NOT NULL,
    form text NOT NULL,
    who text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lines bigint NOT NULL DEFAULT 0,
    stored bigint NOT NULL DEFAULT 0,
    there bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0,
    -- Why it was broken off.
    error text NOT NULL DEFAULT '',
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
GRANT SELECT, INSERT ON dormouse.history_import TO dormouse_app;
GRANT UPDATE (lines, stored, there, refused, form, error, finished_at)
    ON dormouse.history_import TO dormouse_app;
