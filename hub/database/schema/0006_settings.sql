-- Settings wanted of devices, and what their reports were like day by day.

-- A row a version; the highest is what is wanted. `settings` is all that is wanted as of that
-- version, without what must stay secret: `secrets` holds that until the device runs it.
CREATE TABLE dormouse.device_config (
    tenant_id integer NOT NULL,
    device_id integer NOT NULL,
    version integer NOT NULL CHECK (version BETWEEN 1 AND 1073741823),
    settings jsonb NOT NULL CHECK (jsonb_typeof(settings) = 'object'),
    secrets jsonb CHECK (jsonb_typeof(secrets) = 'object'),
    who text NOT NULL,
    why text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When the device reported this version, and what it said was wrong with it.
    reported_at timestamptz,
    problem text,
    PRIMARY KEY (tenant_id, device_id, version),
    FOREIGN KEY (tenant_id, device_id) REFERENCES dormouse.device (tenant_id, id) ON DELETE CASCADE
);

-- Of the reports of a day (UTC) what tells a trend: device_state has only the last one.
CREATE TABLE dormouse.report_daily (
    tenant_id integer NOT NULL,
    device_id integer NOT NULL,
    day date NOT NULL,
    reports integer NOT NULL,
    battery_first integer,
    battery_last integer,
    battery_low integer,
    rssi_total bigint NOT NULL,
    rssi_count integer NOT NULL,
    awake_total bigint NOT NULL,
    awake_count integer NOT NULL,
    awake_high integer,
    heap_low integer,
    watchdogs integer NOT NULL,
    watchdog_at timestamptz,
    powers integer NOT NULL,
    power_at timestamptz,
    PRIMARY KEY (tenant_id, device_id, day),
    FOREIGN KEY (tenant_id, device_id) REFERENCES dormouse.device (tenant_id, id) ON DELETE CASCADE
);
