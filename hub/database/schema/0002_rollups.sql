-- Calibration, rollups by hour and day, retention.

CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA dormouse;

-- A calibrated value is gain * value + offset_by. Readings stay as they were measured.
CREATE TABLE dormouse.calibration (
    id integer GENERATED ALWAYS AS IDENTITY,
    tenant_id integer NOT NULL,
    series_id integer NOT NULL,
    during tstzrange NOT NULL CHECK (NOT isempty(during)),
    gain double precision NOT NULL DEFAULT 1 CHECK (abs(gain) BETWEEN 1e-9 AND 1e9),
    offset_by double precision NOT NULL DEFAULT 0 CHECK (abs(offset_by) <= 1e12),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, series_id) REFERENCES dormouse.series (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT calibration_once_at_a_time EXCLUDE USING gist
        (tenant_id WITH =, series_id WITH =, during WITH &&)
);

-- Of calibrated values; the mean is total / n. Bins are of UTC.
CREATE TABLE dormouse.hourly (
    tenant_id integer NOT NULL,
    series_id integer NOT NULL,
    start timestamptz NOT NULL,
    n integer NOT NULL,
    total double precision NOT NULL,
    low double precision NOT NULL,
    high double precision NOT NULL,
    last double precision NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, series_id, start),
    FOREIGN KEY (tenant_id, series_id) REFERENCES dormouse.series (tenant_id, id) ON DELETE CASCADE
) WITH (fillfactor = 80);

CREATE TABLE dormouse.daily (
    tenant_id integer NOT NULL,
    series_id integer NOT NULL,
    start timestamptz NOT NULL,
    n integer NOT NULL,
    total double precision NOT NULL,
    low double precision NOT NULL,
    high double precision NOT NULL,
    last double precision NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, series_id, start),
    FOREIGN KEY (tenant_id, series_id) REFERENCES dormouse.series (tenant_id, id) ON DELETE CASCADE
) WITH (fillfactor = 80);

-- Readings as people want them: calibrated as of their own time, with their device.
CREATE VIEW dormouse.calibrated WITH (security_invoker = true) AS
SELECT r.tenant_id, r.series_id, s.device_id, r.at, r.ctid AS row_id, r.value AS raw,
       r.value * coalesce(c.gain, 1) + coalesce(c.offset_by, 0) AS value, r.text
FROM dormouse.reading r
JOIN dormouse.series s ON s.tenant_id = r.tenant_id AND s.id = r.series_id
LEFT JOIN dormouse.calibration c
    ON c.tenant_id = r.tenant_id AND c.series_id = r.series_id AND c.during @> r.at;

-- How long things are kept: for one series, else for a characteristic, else for all of a tenant;
-- null is for ever.
CREATE TABLE dormouse.retention (
    id integer GENERATED ALWAYS AS IDENTITY,
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    series_id integer,
    characteristic text,
    raw_days integer CHECK (raw_days > 0),
    hourly_days integer CHECK (hourly_days > 0),
    daily_days integer CHECK (daily_days > 0),
    PRIMARY KEY (tenant_id, id),
    CHECK (series_id IS NULL OR characteristic IS NULL),
    CHECK (coalesce(hourly_days, 1e9) >= coalesce(raw_days, 1e9)),
    CHECK (coalesce(daily_days, 1e9) >= coalesce(hourly_days, 1e9)),
    UNIQUE NULLS NOT DISTINCT (tenant_id, series_id, characteristic),
    FOREIGN KEY (tenant_id, series_id) REFERENCES dormouse.series (tenant_id, id) ON DELETE CASCADE
);
