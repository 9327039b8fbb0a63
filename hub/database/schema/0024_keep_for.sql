-- Rows that are kept for a time, in any table whose owner these functions belong to.
--
--   SELECT dormouse.keep_rows_for('app.note', '30 days');
--
-- makes the triggers, or says what is wrong. Whenever rows are written, those whose time is longer
-- ago go, never one that was written by the same statement. For tables of few rows.

-- What a table's rows are aged by, or an error that says what is wrong with it.
CREATE FUNCTION dormouse.aged_by(target regclass, keep text, wanted name) RETURNS name
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found name;
    type regtype;
BEGIN
    BEGIN
        IF keep::interval <= interval '0' THEN
            keep := NULL;
        END IF;
    EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow
                OR interval_field_overflow THEN
        keep := NULL;
    END;
    IF keep IS NULL THEN
        RAISE EXCEPTION 'keep_for on % needs an interval, as in keep_for(''30 days'')', target
            USING ERRCODE = 'trigger_protocol_violated';
    END IF;
    SELECT a.attname, a.atttypid INTO found, type FROM pg_attribute a
    WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
      AND a.attname = ANY (CASE WHEN wanted IS NULL THEN '{updated_at,created_at}'::name[]
                                ELSE ARRAY[wanted] END)
    ORDER BY a.attname DESC LIMIT 1;
    IF found IS NULL THEN
        RAISE EXCEPTION 'keep_for on % needs a column to tell their age by: there is no %',
            target, coalesce(wanted, 'updated_at') USING ERRCODE = 'undefined_column';
    END IF;
    IF type NOT IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype) THEN
        RAISE EXCEPTION 'keep_for on %: % is %, not a time', target, found, type
            USING ERRCODE = 'datatype_mismatch';
    END IF;
    RETURN found;
END $$;

-- A row as text that tells it from others, in SQL: by its primary key, without one by all that is
-- written of it (what is generated is not there yet in a BEFORE trigger).
CREATE FUNCTION dormouse.row_text(target regclass, of text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN (
    SELECT format('ROW(%s)::text', string_agg(format('(%s).%I', of, a.attname), ', '
                                              ORDER BY a.attnum))
    FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
    WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      AND (i.indrelid IS NULL OR a.attnum = ANY (i.indkey))
);

-- Whether row `one` is row `other`, in SQL.
CREATE FUNCTION dormouse.same_row(target regclass, one text, other text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN coalesce((
    SELECT string_agg(format('(%s).%I = (%s).%I', one, a.attname, other, a.attname), ' AND ')
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    WHERE i.indrelid = target AND i.indisprimary
), dormouse.row_text(target, one) || ' = ' || dormouse.row_text(target, other));

-- Of a table that had an UPDATE where `keep_for` stands alone: what goes when the transaction ends.
CREATE TABLE dormouse.expiring (
    target regclass NOT NULL,
    keep interval NOT NULL,
    aged_by text NOT NULL,
    written text
);
REVOKE ALL ON dormouse.expiring FROM PUBLIC;

CREATE FUNCTION dormouse.expire_at_end() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.written IS NULL THEN
        EXECUTE format('DELETE FROM %s AS kept WHERE kept.%I < now() - $1 AND NOT EXISTS ('
                       'SELECT FROM dormouse.expiring e '
                       'WHERE e.target = $2 AND e.written = %s)', NEW.target, NEW.aged_by,
                       dormouse.row_text(NEW.target, 'kept'))
        USING NEW.keep, NEW.target;
        DELETE FROM dormouse.expiring e WHERE e.target = NEW.target;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER expire_at_end AFTER INSERT ON dormouse.expiring
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dormouse.expire_at_end();

-- Trigger: BEFORE INSERT OR UPDATE .. FOR EACH ROW EXECUTE FUNCTION
-- keep_for('30 days' [, 'received_at']). Rows are aged by that column, else by updated_at, else by
-- created_at. It is set where the statement says nothing; updated_at at each UPDATE too.
-- Alone it deletes at an INSERT at once, and at an UPDATE when the transaction ends: other rows
-- that are expired may be updated by the same statement.
CREATE OR REPLACE FUNCTION dormouse.keep_for() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    target regclass := coalesce(pg_partition_root(TG_RELID), TG_RELID);
    aged_by name;
    says_nothing boolean;
    is_expired boolean;
BEGIN
    IF TG_WHEN <> 'BEFORE' OR TG_LEVEL <> 'ROW' OR TG_OP NOT IN ('INSERT', 'UPDATE') THEN
        RAISE EXCEPTION 'keep_for on % must be BEFORE INSERT OR UPDATE .. FOR EACH ROW', target
            USING ERRCODE = 'trigger_protocol_violated';
    END IF;
    aged_by := dormouse.aged_by(target, TG_ARGV[0], TG_ARGV[1]);
    EXECUTE format('SELECT ($1).%I IS NULL', aged_by) INTO says_nothing USING NEW;
    IF TG_OP = 'UPDATE' AND aged_by = 'updated_at' AND NOT says_nothing THEN
        EXECUTE format('SELECT ($1).%1$I IS NOT DISTINCT FROM ($2).%1$I', aged_by)
        INTO says_nothing USING NEW, OLD;
    END IF;
    IF says_nothing THEN
        NEW := jsonb_populate_record(NEW, jsonb_build_object(aged_by, now()));
    END IF;
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = target
               AND tgfoid = 'dormouse.expire_rows'::regproc) THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' THEN
        EXECUTE format('DELETE FROM %s AS kept WHERE kept.%I < now() - $1 AND NOT (%s)',
                       target, aged_by, dormouse.same_row(target, 'kept', '$2'))
        USING TG_ARGV[0]::interval, NEW;
        RETURN NEW;
    END IF;
    EXECUTE format('SELECT ($1).%I < now() - $2', aged_by)
    INTO is_expired USING NEW, TG_ARGV[0]::interval;
    IF is_expired THEN
        EXECUTE format('INSERT INTO dormouse.expiring VALUES ($1, $2, $3, %s)',
                       dormouse.row_text(target, '$4'))
        USING target, TG_ARGV[0]::interval, aged_by, NEW;
    END IF;
    IF position(format(',%s,', target::oid)
                IN coalesce(current_setting('dormouse.expiring', true), '')) = 0 THEN
        PERFORM set_config('dormouse.expiring', coalesce(current_setting('dormouse.expiring', true),
                           '') || format(',%s,', target::oid), true);
        INSERT INTO dormouse.expiring VALUES (target, TG_ARGV[0]::interval, aged_by, NULL);
    END IF;
    RETURN NEW;
END $$;

-- Trigger, after each statement: takes away what is expired and was not written by it.
CREATE FUNCTION dormouse.expire_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_WHEN <> 'AFTER' OR TG_LEVEL <> 'STATEMENT' THEN
        RAISE EXCEPTION 'expire_rows on % is made by keep_rows_for', TG_RELID::regclass
            USING ERRCODE = 'trigger_protocol_violated';
    END IF;
    EXECUTE format('DELETE FROM %s AS kept WHERE kept.%I < now() - $1 AND NOT EXISTS ('
                   'SELECT FROM written AS w WHERE %s)', TG_RELID::regclass,
                   dormouse.aged_by(TG_RELID, TG_ARGV[0], TG_ARGV[1]),
                   dormouse.same_row(TG_RELID, 'kept', 'w'))
    USING TG_ARGV[0]::interval;
    RETURN NULL;
END $$;

-- Makes the triggers, in place of those that are there, as the table's owner. Answers with the
-- index that is missing, null where there is one.
CREATE FUNCTION dormouse.keep_rows_for(target regclass, keep text, aged_by name DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kind "char" := (SELECT relkind FROM pg_class WHERE oid = target);
    column_ name;
    deleter name := (SELECT proowner::regrole FROM pg_proc
                     WHERE oid = 'dormouse.expire_rows'::regproc);
    old name;
    advice text;
BEGIN
    IF kind NOT IN ('r', 'p') THEN
        RAISE EXCEPTION 'keep_for: % is no table', target USING ERRCODE = 'wrong_object_type';
    END IF;
    column_ := dormouse.aged_by(target, keep, aged_by);
    IF NOT (has_table_privilege(deleter, target, 'SELECT')
            AND has_table_privilege(deleter, target, 'DELETE')) THEN
        RAISE EXCEPTION 'keep_for on %: % may not delete its rows: GRANT SELECT, DELETE ON % TO %',
            target, deleter, target, quote_ident(deleter)
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR old IN SELECT tgname FROM pg_trigger WHERE tgrelid = target AND NOT tgisinternal
        AND tgparentid = 0 AND tgfoid IN ('dormouse.keep_for'::regproc,
                                          'dormouse.expire_rows'::regproc)
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', old, target);
    END LOOP;
    EXECUTE format('CREATE TRIGGER keep_for BEFORE INSERT OR UPDATE ON %s FOR EACH ROW '
                   'EXECUTE FUNCTION dormouse.keep_for(%L, %L)', target, keep, column_);
    EXECUTE format('CREATE TRIGGER keep_for_insert AFTER INSERT ON %s '
                   'REFERENCING NEW TABLE AS written FOR EACH STATEMENT '
                   'EXECUTE FUNCTION dormouse.expire_rows(%L, %L)', target, keep, column_);
    EXECUTE format('CREATE TRIGGER keep_for_update AFTER UPDATE ON %s '
                   'REFERENCING NEW TABLE AS written FOR EACH STATEMENT '
                   'EXECUTE FUNCTION dormouse.expire_rows(%L, %L)', target, keep, column_);
    -- Behind a tenant's policy an index that begins with the tenant serves as well.
    IF NOT EXISTS (
        SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid
        WHERE i.indrelid = target AND a.attname = column_ AND a.attnum IN (i.indkey[0], i.indkey[1])
          AND i.indpred IS NULL AND i.indisvalid
    ) THEN
        advice := format('CREATE INDEX ON %s (%I)', target, column_);
        RAISE NOTICE 'keep_for on %: every write looks for what is expired: %', target, advice;
    END IF;
    RETURN advice;
END $$;
