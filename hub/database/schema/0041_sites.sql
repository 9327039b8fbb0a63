-- Places with a network of their own, reached through a WireGuard tunnel. Public keys alone: the
-- private ones are in the files that are handed out once.
CREATE TABLE dormouse.site (
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    id integer GENERATED ALWAYS AS IDENTITY,
    -- A part of names of files and interfaces.
    name text NOT NULL CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$'),
    -- Its interface, port and addresses on the hub's machine. All tenants share that, and the hub
    -- gives each number once; no constraint, which would tell of other tenants' sites.
    number integer NOT NULL CHECK (number BETWEEN 1 AND 1000),
    place_id integer,
    endpoint text NOT NULL CHECK (length(endpoint) <= 300),
    site_endpoint text NOT NULL DEFAULT '' CHECK (length(site_endpoint) <= 300),
    hub_address inet NOT NULL,
    site_address inet NOT NULL,
    hub_key text NOT NULL CHECK (length(hub_key) = 44),
    site_key text NOT NULL CHECK (length(site_key) = 44),
    made_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name),
    UNIQUE (tenant_id, number),
    FOREIGN KEY (tenant_id, place_id)
        REFERENCES dormouse.place (tenant_id, id) ON DELETE SET NULL (place_id)
);
GRANT SELECT, INSERT, DELETE ON dormouse.site TO dormouse_app;

-- Its own networks, and those of the home (`of_home`) that it reaches besides the hub.
CREATE TABLE dormouse.site_network (
    tenant_id integer NOT NULL,
    site_id integer NOT NULL,
    network cidr NOT NULL,
    of_home boolean NOT NULL,
    PRIMARY KEY (tenant_id, site_id, network),
    FOREIGN KEY (tenant_id, site_id)
        REFERENCES dormouse.site (tenant_id, id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, DELETE ON dormouse.site_network TO dormouse_app;
