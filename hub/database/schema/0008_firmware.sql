-- Firmware images as they are streamed: canned, signed datagrams. The hub holds no keys.

CREATE TABLE dormouse.firmware (
    id integer GENERATED ALWAYS AS IDENTITY,
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    version text NOT NULL,
    board text NOT NULL,
    size integer NOT NULL CHECK (size > 0),
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    key text NOT NULL CHECK (key ~ '^[0-9a-f]{16}$'),
    notes text NOT NULL DEFAULT '' CHECK (length(notes) <= 2000),
    canned bytea NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, digest),
    UNIQUE (tenant_id, version, board),
    PRIMARY KEY (tenant_id, id)
);
-- Two fifths of it are signatures, which are random: compressing is time for little.
ALTER TABLE dormouse.firmware ALTER canned SET STORAGE EXTERNAL;
GRANT SELECT, INSERT, DELETE ON dormouse.firmware TO dormouse_app;
