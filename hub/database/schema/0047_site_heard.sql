-- When a site was heard last: after a machine's start WireGuard has no handshake to tell it by.
ALTER TABLE dormouse.site ADD COLUMN heard_at timestamptz;
GRANT UPDATE (heard_at) ON dormouse.site TO dormouse_app;
