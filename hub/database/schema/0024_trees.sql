-- Places stay a tree by whatever way they are written.

-- Row trigger: no place may come to lie below itself. Moves of one tenant go one after the other,
-- or two of them could close a circle that neither sees; a new row is in none but its statement's.
-- Who does not see what others committed meanwhile (REPEATABLE READ) locks what is above: where
-- that changed, it is refused.
CREATE OR REPLACE FUNCTION dormouse.refuse_cycle() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM pg_advisory_xact_lock(
            (hashtext('dormouse.places')::bigint << 32) | NEW.tenant_id);
        IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
            PERFORM FROM dormouse.place p WHERE p.tenant_id = NEW.tenant_id AND p.id IN (
                WITH RECURSIVE above AS (
                    SELECT NEW.parent_id AS id
                    UNION
                    SELECT q.parent_id FROM dormouse.place q JOIN above ON q.id = above.id
                    WHERE q.tenant_id = NEW.tenant_id)
                SELECT id FROM above) FOR SHARE;
        END IF;
    END IF;
    -- UNION ends it where there is a circle above that this row has no part in.
    IF EXISTS (
        WITH RECURSIVE above AS (
            SELECT NEW.parent_id AS id
            UNION
            SELECT q.parent_id FROM dormouse.place q JOIN above ON q.id = above.id
            WHERE q.tenant_id = NEW.tenant_id)
        SELECT FROM above WHERE id = NEW.id
    ) THEN
        RAISE EXCEPTION 'place "%" cannot lie below itself', NEW.name
            USING ERRCODE = 'check_violation', CONSTRAINT = 'place_is_a_tree',
                  SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER refuse_cycle ON dormouse.place;
CREATE TRIGGER refuse_cycle_insert AFTER INSERT ON dormouse.place
FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL) EXECUTE FUNCTION dormouse.refuse_cycle();
CREATE TRIGGER refuse_cycle_update AFTER UPDATE ON dormouse.place
FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL
                   AND (NEW.tenant_id, NEW.id, NEW.parent_id)
                       IS DISTINCT FROM (OLD.tenant_id, OLD.id, OLD.parent_id))
EXECUTE FUNCTION dormouse.refuse_cycle();
