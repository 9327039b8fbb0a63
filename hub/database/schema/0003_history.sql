-- What a person can change about a device, where it is, and what all of it was at any time.

CREATE TABLE dormouse.place (
    id integer GENERATED ALWAYS AS IDENTITY,
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    parent_id integer,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    PRIMARY KEY (tenant_id, id),
    UNIQUE NULLS NOT DISTINCT (tenant_id, parent_id, name),
    FOREIGN KEY (tenant_id, parent_id) REFERENCES dormouse.place (tenant_id, id)
);

ALTER TABLE dormouse.device
    ADD name text CHECK (length(name) BETWEEN 1 AND 100),
    ADD location_id integer,
    ADD interval_s integer CHECK (interval_s > 0),
    ADD owner text,
    ADD firmware text,
    -- What dormouse.calibration says of the device's series; kept by a trigger there.
    ADD calibration jsonb,
    ADD CONSTRAINT device_location_fkey
        FOREIGN KEY (tenant_id, location_id) REFERENCES dormouse.place (tenant_id, id);
CREATE INDEX device_by_location ON dormouse.device (tenant_id, location_id);

-- Where a device was, in the world's time; device.location_id is the open one.
CREATE TABLE dormouse.placement (
    id integer GENERATED ALWAYS AS IDENTITY,
    tenant_id integer NOT NULL,
    device_id integer NOT NULL,
    location_id integer NOT NULL,
    during tstzrange NOT NULL CHECK (NOT isempty(during)),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, device_id) REFERENCES dormouse.device (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, location_id) REFERENCES dormouse.place (tenant_id, id),
    CONSTRAINT placement_once_at_a_time EXCLUDE USING gist
        (device_id WITH =, tenant_id WITH =, during WITH &&)
);
CREATE INDEX placement_by_location ON dormouse.placement (tenant_id, location_id);

-- Who changed something, and why.
CREATE TABLE dormouse.activity (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    who text NOT NULL,
    why text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, id)
);

-- The version clock of a device: tick 1 is its creation. No foreign key to the device, which may
-- be gone. `xact` tells that further changes in the same transaction belong to the same tick.
CREATE TABLE dormouse.tick (
    tenant_id integer NOT NULL,
    device_id integer NOT NULL,
    tick integer NOT NULL,
    at timestamptz NOT NULL,
    activity_id bigint,
    role text NOT NULL DEFAULT session_user,
    xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
    deleted boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant_id, device_id, tick),
    FOREIGN KEY (tenant_id, activity_id) REFERENCES dormouse.activity (tenant_id, id)
);
CREATE INDEX tick_by_time ON dormouse.tick (tenant_id, at);

-- One history a property: the value it had from tick to tick; the open range is the present.
DO $$
DECLARE
    property text;
    type text;
BEGIN
    FOR property, type IN
        SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
        WHERE attrelid = 'dormouse.device'::regclass
          AND attname IN ('name', 'location_id', 'interval_s', 'owner', 'firmware', 'calibration')
        ORDER BY attnum
    LOOP
        EXECUTE format(
            'CREATE TABLE dormouse.%I (tenant_id integer NOT NULL, device_id integer NOT NULL, '
            'ticks int4range NOT NULL CHECK (NOT isempty(ticks)), value %s, CONSTRAINT %I '
            'EXCLUDE USING gist (device_id WITH =, ticks WITH &&))',
            'device_' || property || '_history', type,
            'device_' || property || '_history_excl');
    END LOOP;
END $$;
