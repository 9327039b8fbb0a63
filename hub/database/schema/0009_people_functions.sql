-- The owner alone sees who belongs where, for the functions below. They take no SQL, and those
-- that change what is a tenant's do so for the tenant of the transaction only.
CREATE POLICY directory ON dormouse.membership TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY directory ON dormouse.invitation TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE FUNCTION dormouse.person_find(wanted text)
RETURNS TABLE (id integer, name text, password text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    SELECT p.id, p.name, p.password FROM dormouse.person p WHERE p.login = wanted;
END;

CREATE FUNCTION dormouse.person_set_password(who integer, fresh text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE dormouse.person SET password = fresh, changed_at = now() WHERE id = who;
    RETURN FOUND;
END $$;

CREATE FUNCTION dormouse.person_remove(who integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    DELETE FROM dormouse.person WHERE id = who;
    RETURN FOUND;
END $$;

-- The people of the current tenant.
CREATE FUNCTION dormouse.members()
RETURNS TABLE (id integer, name text, role text, since timestamptz, used_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    SELECT p.id, p.name, m.role, m.created_at,
           (SELECT max(s.used_at) FROM dormouse.web_session s WHERE s.person_id = p.id)
    FROM dormouse.membership m JOIN dormouse.person p ON p.id = m.person_id
    WHERE m.tenant_id = dormouse.current_tenant() ORDER BY p.login;
END;

-- Everybody, with the tenants they see, for who runs the hub.
CREATE FUNCTION dormouse.everybody()
RETURNS TABLE (id integer, name text, created_at timestamptz, roles jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    SELECT p.id, p.name, p.created_at,
           coalesce(jsonb_object_agg(t.name, m.role) FILTER (WHERE t.name IS NOT NULL), '{}')
    FROM dormouse.person p LEFT JOIN dormouse.membership m ON m.person_id = p.id
    LEFT JOIN dormouse.tenant t ON t.id = m.tenant_id
    GROUP BY p.id ORDER BY p.login;
END;

CREATE FUNCTION dormouse.has_administrator() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
RETURN EXISTS (SELECT 1 FROM dormouse.membership WHERE role = 'administrator');

CREATE FUNCTION dormouse.invite(
    token_hash bytea, granted text, about text, lasting interval, for_first boolean
) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    made integer;
BEGIN
    DELETE FROM dormouse.invitation WHERE expires_at < now();
    INSERT INTO dormouse.invitation (tenant_id, hash, role, note, first, expires_at)
    VALUES (dormouse.current_tenant(), token_hash, granted, about, for_first, now() + lasting)
    RETURNING id INTO made;
    RETURN made;
END $$;

CREATE FUNCTION dormouse.invitation_find(wanted bytea)
RETURNS TABLE (tenant text, role text, note text, first boolean, expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    SELECT t.name, i.role, i.note, i.first, i.expires_at
    FROM dormouse.invitation i JOIN dormouse.tenant t ON t.id = i.tenant_id
    WHERE i.hash = wanted AND i.expires_at > now();
END;

-- Uses a link up, for a person who is there already. False when it is used, expired or unknown.
CREATE FUNCTION dormouse.join_tenant(wanted bytea, person integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    used dormouse.invitation;
BEGIN
    DELETE FROM dormouse.invitation WHERE hash = wanted AND expires_at > now() RETURNING * INTO used;
    IF used.id IS NULL THEN
        RETURN false;
    END IF;
    IF used.role = 'administrator' THEN
        -- There is one now, whichever link made them: what the hub printed is of no more use.
        DELETE FROM dormouse.invitation WHERE first;
    END IF;
    -- A link for readers takes nothing from an administrator.
    INSERT INTO dormouse.membership AS m (tenant_id, person_id, role)
    VALUES (used.tenant_id, person, used.role)
    ON CONFLICT (tenant_id, person_id) DO UPDATE
    SET role = CASE WHEN m.role = 'administrator' THEN m.role ELSE excluded.role END;
    RETURN true;
END $$;

-- Uses a link up, for somebody new: the person's id; 0 when the name is taken (the link stays),
-- null when the link is used, expired or unknown.
CREATE FUNCTION dormouse.join_as_new(
    wanted bytea, new_login text, new_name text, new_password text
) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    made integer;
BEGIN
    PERFORM 1 FROM dormouse.invitation WHERE hash = wanted AND expires_at > now() FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO dormouse.person (login, name, password)
    VALUES (new_login, new_name, new_password) ON CONFLICT (login) DO NOTHING RETURNING id INTO made;
    IF made IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM dormouse.join_tenant(wanted, made);
    RETURN made;
END $$;

CREATE FUNCTION dormouse.session_open(
    token_hash bytea, person integer, tenant text, user_agent text, lasting interval
) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    made integer;
BEGIN
    DELETE FROM dormouse.web_session WHERE expires_at < now();
    INSERT INTO dormouse.web_session (hash, person_id, tenant_id, agent, expires_at)
    VALUES (token_hash, person, (SELECT t.id FROM dormouse.tenant t WHERE t.name = tenant),
            user_agent, now() + lasting)
    RETURNING id INTO made;
    RETURN made;
END $$;

-- Whose session it is, and marks it as used (once a minute is enough).
CREATE FUNCTION dormouse.session_find(wanted bytea, idle interval)
RETURNS TABLE (id integer, person_id integer, person text, tenant text, roles jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE dormouse.web_session s SET used_at = now()
    WHERE s.hash = wanted AND s.expires_at > now() AND s.used_at > now() - idle
      AND s.used_at < now() - interval '1 minute';
    RETURN QUERY
    SELECT s.id, p.id, p.name, t.name,
           (SELECT coalesce(jsonb_object_agg(mt.name, m.role), '{}')
            FROM dormouse.membership m JOIN dormouse.tenant mt ON mt.id = m.tenant_id
            WHERE m.person_id = p.id)
    FROM dormouse.web_session s JOIN dormouse.person p ON p.id = s.person_id
    LEFT JOIN dormouse.tenant t ON t.id = s.tenant_id
    WHERE s.hash = wanted AND s.expires_at > now() AND s.used_at > now() - idle;
END $$;

-- Which tenant the session looks at; false for one the person does not see.
CREATE FUNCTION dormouse.session_look_at(session integer, wanted text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE dormouse.web_session s SET tenant_id = t.id
    FROM dormouse.tenant t JOIN dormouse.membership m ON m.tenant_id = t.id
    WHERE s.id = session AND t.name = wanted AND m.person_id = s.person_id;
    RETURN FOUND;
END $$;

CREATE FUNCTION dormouse.sessions_of(person integer)
RETURNS TABLE (id integer, agent text, created_at timestamptz, used_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    SELECT s.id, s.agent, s.created_at, s.used_at FROM dormouse.web_session s
    WHERE s.person_id = person AND s.expires_at > now() ORDER BY s.used_at DESC;
END;

-- Which of these sessions go on; a page that is open is being looked at.
CREATE FUNCTION dormouse.sessions_still_open(sessions integer[], idle interval)
RETURNS SETOF integer
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    UPDATE dormouse.web_session s SET used_at = now()
    WHERE s.id = ANY (sessions) AND s.expires_at > now() AND s.used_at > now() - idle
    RETURNING s.id;
END;

-- Ends a person's sessions: one, all (null), or all but one; the ids of those that ended.
CREATE FUNCTION dormouse.sessions_close(person integer, one integer, but integer)
RETURNS SETOF integer
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    DELETE FROM dormouse.web_session s
    WHERE s.person_id = person AND (one IS NULL OR s.id = one) AND (but IS NULL OR s.id <> but)
    RETURNING s.id;
END;

-- Rows come by the functions alone, so that no key tells who else there is.
GRANT SELECT, DELETE ON dormouse.membership, dormouse.invitation TO dormouse_app;
GRANT UPDATE (role) ON dormouse.membership TO dormouse_app;
