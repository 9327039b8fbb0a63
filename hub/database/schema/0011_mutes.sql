-- Oddities of a series that nobody wants to be told of: until an instant, null for good.
CREATE TABLE dormouse.anomaly_mute (
    tenant_id integer NOT NULL,
    series_id integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('stuck', 'jump', 'range', 'silent')),
    until timestamptz,
    who text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, series_id, kind),
    FOREIGN KEY (tenant_id, series_id) REFERENCES dormouse.series (tenant_id, id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, UPDATE, DELETE ON dormouse.anomaly_mute TO dormouse_app;
