-- Time zones: which places have one of their own, and which place a device is in.

-- zones_of_places --
SELECT id, parent_id, zone FROM dormouse.place;

-- places_of_devices --
SELECT key, location_id FROM dormouse.device WHERE key = ANY (%s);

-- set_zone_of_place --
UPDATE dormouse.place SET zone = %(zone)s WHERE id = %(place)s;

-- is_known_zone --
SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = %s);
