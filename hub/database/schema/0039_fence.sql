-- Several workers share a database. Who takes a lease over waits for what its former holder is just
-- committing, and what that would commit later is refused, even where it has slept meanwhile.

CREATE FUNCTION dormouse.take_lease(of_name text, mark text, machine text, process integer, release text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('fence ' || of_name, 0));
    PERFORM dormouse.note_lease(of_name, mark, machine, process, release);
    -- What workers that are no more have left of themselves.
    DELETE FROM dormouse.lease
    WHERE starts_with(name, 'worker ') AND seen < clock_timestamp() - interval '1 day';
END;
$$;

-- For the rest of the transaction nobody takes the lease over; raises where somebody has. A process
-- that stops in the middle of it is waited for no longer than 5 s.
CREATE FUNCTION dormouse.fence(of_name text, mark text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('idle_in_transaction_session_timeout', '5s', true);
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('fence ' || of_name, 0));
    IF NOT EXISTS (SELECT FROM dormouse.lease WHERE name = of_name AND holder = mark) THEN
        RAISE EXCEPTION 'another worker has the lease "%"', of_name USING ERRCODE = '55000';
    END IF;
END;
$$;

REVOKE ALL ON FUNCTION dormouse.take_lease, dormouse.fence FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dormouse.take_lease, dormouse.fence TO dormouse_app;
