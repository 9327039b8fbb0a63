-- Where nothing is said of it, a session's temporary objects are looked up before all others, for
-- functions that run as their owner too: said last, nobody's own types and tables come first.
DO $$
DECLARE
    one regprocedure;
BEGIN
    FOR one IN
        SELECT p.oid FROM pg_catalog.pg_proc p
        WHERE p.pronamespace = 'dormouse'::regnamespace
          AND 'search_path=pg_catalog' = ANY (p.proconfig)
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, pg_temp', one);
    END LOOP;
END $$;
