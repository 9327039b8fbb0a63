-- People, their roles in tenants, invitations, sessions. Who sees several tenants belongs to none:
-- most go through functions of the database.

-- find_person --
SELECT * FROM dormouse.person_find(%s);

-- everybody --
SELECT * FROM dormouse.everybody();

-- has_administrator --
SELECT dormouse.has_administrator();

-- set_password --
SELECT dormouse.person_set_password(%s, %s);

-- set_language --
SELECT dormouse.person_set_language(%s, %s);

-- remove_person --
SELECT dormouse.person_remove(%s);

-- members --
SELECT * FROM dormouse.members();

-- set_role --
UPDATE dormouse.membership SET role = %(role)s WHERE person_id = %(person)s;

-- leave_tenant --
DELETE FROM dormouse.membership WHERE person_id = %(person)s;

-- hold_roles --
SELECT role FROM dormouse.membership FOR UPDATE;

-- roles --
SELECT role FROM dormouse.membership;

-- invite --
SELECT dormouse.invite(%s, %s, %s, %s, %s);

-- invitations --
SELECT %s::text AS tenant, role, note, first, expires_at, id
FROM dormouse.invitation WHERE expires_at > now() ORDER BY expires_at;

-- withdraw_invitation --
DELETE FROM dormouse.invitation WHERE id = %s;

-- find_invitation --
SELECT * FROM dormouse.invitation_find(%s);

-- join_tenant --
SELECT dormouse.join_tenant(%s, %s);

-- join_as_new --
SELECT dormouse.join_as_new(%s, %s, %s, %s);

-- open_session --
SELECT dormouse.session_open(%s, %s, %s, %s, %s);

-- find_session --
SELECT * FROM dormouse.session_find(%s, %s);

-- look_at_tenant --
SELECT dormouse.session_look_at(%s, %s);

-- sessions_of_person --
SELECT * FROM dormouse.sessions_of(%s);

-- sessions_still_open --
SELECT dormouse.sessions_still_open(%s, %s);

-- close_sessions --
SELECT dormouse.sessions_close(%s, %s, %s);
