-- The language that a person chose; without one pages speak as the browser asks.
ALTER TABLE dormouse.person ADD COLUMN language text CHECK (language ~ '^[a-z]{2,3}$');

CREATE FUNCTION dormouse.person_set_language(who integer, wanted text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE dormouse.person SET language = wanted WHERE id = who;
    RETURN FOUND;
END $$;

-- Whose session it is, as before, and what language they chose.
DROP FUNCTION dormouse.session_find(bytea, interval);
CREATE FUNCTION dormouse.session_find(wanted bytea, idle interval)
RETURNS TABLE (id integer, person_id integer, person text, tenant text, roles jsonb, language text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE dormouse.web_session s SET used_at = now()
    WHERE s.hash = wanted AND s.expires_at > now() AND s.used_at > now() - idle
      AND s.used_at < now() - interval '1 minute';
    RETURN QUERY
    SELECT s.id, p.id, p.name, t.name,
           (SELECT coalesce(jsonb_object_agg(mt.name, m.role), '{}')
            FROM dormouse.membership m JOIN dormouse.tenant mt ON mt.id = m.tenant_id
            WHERE m.person_id = p.id),
           p.language
    FROM dormouse.web_session s JOIN dormouse.person p ON p.id = s.person_id
    LEFT JOIN dormouse.tenant t ON t.id = s.tenant_id
    WHERE s.hash = wanted AND s.expires_at > now() AND s.used_at > now() - idle;
END $$;
