-- Which id a device had when: one that takes another's place takes its id from then on.
CREATE TABLE dormouse.device_key_history (
    tenant_id integer NOT NULL,
    device_id integer NOT NULL,
    ticks int4range NOT NULL CHECK (NOT isempty(ticks)),
    value text,
    CONSTRAINT device_key_history_excl EXCLUDE USING gist (device_id WITH =, ticks WITH &&)
);
CREATE INDEX device_key_history_by_value ON dormouse.device_key_history (tenant_id, value);
