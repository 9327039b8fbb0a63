-- Devices, their series and readings; accounts; what HomeKit has to remember.
-- Keys begin with the tenant everywhere: a number or a name that another tenant has is free here,
-- so no error tells that it exists.
-- Row-level security comes from hub/database/tenancy/declare.py, in the same migration.

CREATE FUNCTION dormouse.current_tenant() RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (SELECT NULLIF(current_setting('dormouse.tenant', true), '')::integer);

CREATE TABLE dormouse.tenant (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- What a device is. What changes at every wake is in device_state.
CREATE TABLE dormouse.device (
    id integer GENERATED ALWAYS AS IDENTITY,
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    key text NOT NULL CHECK (key ~ '^[A-Za-z0-9_-]{1,64}$'),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, key),
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE dormouse.device_state (
    tenant_id integer NOT NULL,
    device_id integer NOT NULL,
    seen_at timestamptz,
    next_wake_at timestamptz,
    report jsonb,
    report_at timestamptz,
    attributes jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, device_id),
    FOREIGN KEY (tenant_id, device_id) REFERENCES dormouse.device (tenant_id, id) ON DELETE CASCADE
) WITH (fillfactor = 50);

CREATE TABLE dormouse.series (
    id integer GENERATED ALWAYS AS IDENTITY,
    tenant_id integer NOT NULL,
    device_id integer NOT NULL,
    service text NOT NULL,
    index smallint NOT NULL,
    characteristic text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('bool', 'int', 'float', 'string')),
    UNIQUE (tenant_id, device_id, service, index, characteristic),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, device_id) REFERENCES dormouse.device (tenant_id, id)
);

-- One row is 52 bytes and 28 in the index: the identity of a delivered reading is kept in
-- `delivery` as ranges, not here. Booleans are 0 and 1.
-- The foreign key to the series is that of `latest`, where the same statement writes one row a
-- series: checked for each reading it would take longer than everything else together.
CREATE TABLE dormouse.reading (
    tenant_id integer NOT NULL,
    series_id integer NOT NULL,
    at timestamptz NOT NULL,
    value double precision,
    text text,
    CONSTRAINT reading_is_number_or_text CHECK ((value IS NULL) <> (text IS NULL))
) PARTITION BY RANGE (at);
CREATE INDEX reading_by_series ON dormouse.reading (tenant_id, series_id, at);

-- The last value of a series, which outlives the retention of its readings.
CREATE TABLE dormouse.latest (
    tenant_id integer NOT NULL,
    series_id integer NOT NULL,
    at timestamptz NOT NULL,
    value double precision,
    text text,
    PRIMARY KEY (tenant_id, series_id),
    FOREIGN KEY (tenant_id, series_id) REFERENCES dormouse.series (tenant_id, id)
) WITH (fillfactor = 50);

-- Which sequence numbers of a boot identity the database holds: holes are gaps.
CREATE TABLE dormouse.delivery (
    tenant_id integer NOT NULL,
    device_id integer NOT NULL,
    boot text NOT NULL CHECK (length(boot) BETWEEN 1 AND 64),
    seqs int4multirange NOT NULL DEFAULT '{}',
    lost integer NOT NULL DEFAULT 0,
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, device_id, boot),
    FOREIGN KEY (tenant_id, device_id) REFERENCES dormouse.device (tenant_id, id) ON DELETE CASCADE
) WITH (fillfactor = 50);

-- Readings that cannot be facts: from the future, or from before there were such devices.
CREATE TABLE dormouse.quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id integer NOT NULL,
    series_id integer NOT NULL,
    at timestamptz NOT NULL,
    value double precision,
    text text,
    reason text NOT NULL CHECK (reason IN ('future', 'past')),
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, series_id) REFERENCES dormouse.series (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX quarantine_by_tenant ON dormouse.quarantine (tenant_id, received_at);

-- Who may connect to the broker. `password` is mosquitto's own form of a salted hash.
CREATE TABLE dormouse.account (
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    device text NOT NULL,
    password text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'active', 'disabled')),
    model text NOT NULL DEFAULT '',
    firmware text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, device)
);

-- The broker has one name space for all tenants: the first to take a name has it. No grants; the
-- functions below tell the hub whose a name is.
CREATE TABLE dormouse.broker_user (
    name text PRIMARY KEY,
    tenant_id integer NOT NULL REFERENCES dormouse.tenant
);

-- HomeKit's memory: aids, iids, pairing codes, pairings, last values; JSON by area and key.
CREATE TABLE dormouse.homekit (
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    area text NOT NULL,
    key text NOT NULL,
    value jsonb NOT NULL,
    PRIMARY KEY (tenant_id, area, key)
);
