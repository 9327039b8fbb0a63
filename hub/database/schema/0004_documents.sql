-- What a device says of itself and what people note about it, as one document to be searched.

ALTER TABLE dormouse.device_state
    ADD document jsonb GENERATED ALWAYS AS (coalesce(report, '{}') || attributes) STORED;
CREATE INDEX device_state_document ON dormouse.device_state USING gin (document jsonb_path_ops);

-- An operator of jsonpath is not leakproof, so under row-level security no index serves it. This
-- function alone looks past the policy, with the tenant in its own condition; what a path does on
-- another tenant's row it does silently, for these operators suppress errors.
CREATE POLICY search ON dormouse.device_state FOR SELECT TO CURRENT_USER USING (true);

CREATE FUNCTION dormouse.devices_where(path jsonpath, predicate boolean) RETURNS SETOF integer
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF predicate THEN
        RETURN QUERY SELECT device_id FROM dormouse.device_state
        WHERE tenant_id = dormouse.current_tenant() AND document @@ path;
    ELSE
        RETURN QUERY SELECT device_id FROM dormouse.device_state
        WHERE tenant_id = dormouse.current_tenant() AND document @? path;
    END IF;
END $$;

-- Null for a path that can be read; otherwise how many characters from its start make sense.
CREATE FUNCTION dormouse.jsonpath_error(path text, OUT message text, OUT place integer)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS $$
DECLARE
    part text;
BEGIN
    PERFORM path::jsonpath;
EXCEPTION WHEN OTHERS THEN
    message := SQLERRM;
    place := 0;
    -- The parser names no position. A beginning that it finds incomplete, not wrong, is still good;
    -- one that ends within a token may seem wrong, and its continuation good.
    FOR n IN 1 .. length(path) LOOP
        part := left(path, n);
        BEGIN
            PERFORM part::jsonpath;
            place := n;
        EXCEPTION WHEN OTHERS THEN
            IF SQLERRM LIKE '%at end of jsonpath input%' OR SQLERRM LIKE '%unterminated%' THEN
                place := n;
            END IF;
        END;
    END LOOP;
END $$;
