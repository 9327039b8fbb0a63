-- Places are a tree; a device is in one at a time.

-- Row trigger: no place may come to lie below itself. Moves of one tenant go one after the other,
-- or two of them could close a circle that neither sees.
CREATE FUNCTION dormouse.refuse_cycle() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    above integer := NEW.parent_id;
BEGIN
    PERFORM pg_advisory_xact_lock((hashtext('dormouse.places')::bigint << 32) | NEW.tenant_id);
    WHILE above IS NOT NULL LOOP
        IF above = NEW.id THEN
            RAISE EXCEPTION 'place "%" cannot lie below itself', NEW.name
                USING ERRCODE = 'check_violation', CONSTRAINT = 'place_is_a_tree';
        END IF;
        above := (SELECT parent_id FROM dormouse.place WHERE id = above);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER refuse_cycle AFTER UPDATE OF parent_id ON dormouse.place
FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL) EXECUTE FUNCTION dormouse.refuse_cycle();

-- A device that changes its place ends one placement and begins another: now, or at the instant in
-- the transaction-local setting dormouse.since; later placements are given up then.
CREATE FUNCTION dormouse.keep_placement() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    since timestamptz := coalesce(
        nullif(current_setting('dormouse.since', true), '')::timestamptz, clock_timestamp());
    moved integer[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT array_agg(n.id) INTO moved FROM removed o JOIN added n USING (id)
        WHERE o.location_id IS DISTINCT FROM n.location_id;
        IF moved IS NULL THEN
            RETURN NULL;
        END IF;
        DELETE FROM dormouse.placement
        WHERE device_id = ANY (moved) AND lower(during) >= since;
        UPDATE dormouse.placement SET during = tstzrange(lower(during), since)
        WHERE device_id = ANY (moved) AND during @> since;
    END IF;
    INSERT INTO dormouse.placement (tenant_id, device_id, location_id, during)
    SELECT tenant_id, id, location_id, tstzrange(since, NULL) FROM added
    WHERE location_id IS NOT NULL AND (moved IS NULL OR id = ANY (moved));
    RETURN NULL;
END $$;
CREATE TRIGGER keep_placement_insert AFTER INSERT ON dormouse.device
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION dormouse.keep_placement();
CREATE TRIGGER keep_placement_update AFTER UPDATE ON dormouse.device
REFERENCING OLD TABLE AS removed NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION dormouse.keep_placement();

GRANT SELECT, INSERT, UPDATE, DELETE ON dormouse.place, dormouse.placement TO dormouse_app;
