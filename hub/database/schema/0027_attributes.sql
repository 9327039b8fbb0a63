-- What people note about a device has a history, as its name has.

-- What dormouse.device_state says of them, less what the hub itself notes there; null: nothing.
-- Kept by a trigger there.
ALTER TABLE dormouse.device ADD attributes jsonb CHECK (jsonb_typeof(attributes) = 'object');
CREATE TABLE dormouse.device_attributes_history (
    tenant_id integer NOT NULL,
    device_id integer NOT NULL,
    ticks int4range NOT NULL CHECK (NOT isempty(ticks)),
    value jsonb,
    CONSTRAINT device_attributes_history_excl
        EXCLUDE USING gist (device_id WITH =, ticks WITH &&)
);
GRANT SELECT ON dormouse.device_attributes_history TO dormouse_app;
