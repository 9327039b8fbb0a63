-- What lies outside of our schemas and says who may see which row.

-- facts_of_views_elsewhere --
-- What reads these tables from another schema, as somebody else than who asks.
WITH RECURSIVE reader AS (
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(%(schemas)s::text[])
    UNION
    SELECT w.ev_class FROM reader r JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass
        AND d.refobjid = r.oid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite w ON w.oid = d.objid
)
SELECT format('%%I.%%I', n.nspname, c.relname),
       CASE WHEN c.relkind IN ('v', 'm') THEN 'a view that runs as its owner, body '
           || left(encode(sha256(convert_to(pg_get_viewdef(c.oid), 'UTF8')), 'hex'), 32)
           ELSE 'a rule that reads as its owner' END
FROM reader r JOIN pg_class c ON c.oid = r.oid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT n.nspname = ANY(%(schemas)s::text[]) AND NOT (c.relkind = 'v' AND EXISTS (
    SELECT FROM pg_options_to_table(c.reloptions)
    WHERE option_name = 'security_invoker' AND option_value::boolean));

-- facts_of_functions_elsewhere --
-- What runs as somebody who sees all, and may be called by the application.
SELECT format('function %%I.%%I(%%s)', n.nspname, p.proname,
              pg_get_function_identity_arguments(p.oid)),
       'runs as ' || o.rolname || ', body ' || left(encode(sha256(convert_to(
           coalesce(pg_get_function_sqlbody(p.oid), p.prosrc), 'UTF8')), 'hex'), 32)
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles o ON o.oid = p.proowner
WHERE p.prosecdef AND NOT n.nspname = ANY(%(schemas)s::text[] || '{pg_catalog}')
  AND (o.rolsuper OR o.rolbypassrls OR EXISTS (
      SELECT FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
      WHERE s.nspname = ANY(%(schemas)s::text[]) AND c.relowner = p.proowner))
  AND EXISTS (
      SELECT FROM pg_roles a WHERE a.rolname = ANY(%(roles)s::text[])
          AND has_schema_privilege(a.oid, n.oid, 'USAGE')
          AND has_function_privilege(a.oid, p.oid, 'EXECUTE'))
  AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
          AND d.deptype = 'e');

-- facts_of_replication --
-- Who sends these tables elsewhere, or writes to them from there, is behind no policy.
SELECT format('publication %%I', pubname), 'sends all tables' FROM pg_publication WHERE puballtables
UNION ALL SELECT format('publication %%I', p.pubname), 'sends ' || r.prrelid::regclass
FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%(schemas)s::text[])
UNION ALL SELECT format('publication %%I', p.pubname), 'sends the schema ' || n.nspname
FROM pg_publication p JOIN pg_publication_namespace s ON s.pnpubid = p.oid
JOIN pg_namespace n ON n.oid = s.pnnspid WHERE n.nspname = ANY(%(schemas)s::text[])
UNION ALL SELECT format('subscription %%I', s.subname), 'writes to ' || r.srrelid::regclass
FROM pg_subscription s JOIN pg_subscription_rel r ON r.srsubid = s.oid
JOIN pg_class c ON c.oid = r.srrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%(schemas)s::text[]);

-- facts_of_system_grants --
-- What Postgres gives nobody at first: files of the server, values in its statistics.
WITH system (what, class, oid, owner, acl, usual) AS (
    SELECT format('function %%I.%%I(%%s)', n.nspname, p.proname,
                  pg_get_function_identity_arguments(p.oid)),
           'pg_proc'::regclass, p.oid, p.proowner, p.proacl, acldefault('f', p.proowner)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'pg_catalog' AND p.proacl IS NOT NULL
    UNION ALL
    SELECT format('%%I.%%I', n.nspname, c.relname), 'pg_class'::regclass, c.oid, c.relowner, c.relacl,
           acldefault('r', c.relowner)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'pg_catalog' AND c.relacl IS NOT NULL
)
SELECT s.what, format('%%s granted to %%s', a.privilege_type, coalesce(r.rolname, 'PUBLIC'))
FROM system s CROSS JOIN aclexplode(s.acl) AS a LEFT JOIN pg_roles r ON r.oid = a.grantee
LEFT JOIN pg_init_privs i ON i.classoid = s.class AND i.objoid = s.oid AND i.objsubid = 0
WHERE a.grantee <> s.owner AND NOT EXISTS (
    SELECT FROM aclexplode(coalesce(i.initprivs, s.usual)) AS b
    WHERE b.grantee = a.grantee AND b.privilege_type = a.privilege_type)
  AND (r.oid IS NULL OR EXISTS (
      SELECT FROM pg_roles x WHERE x.rolname = ANY(%(roles)s::text[])
          AND (pg_has_role(r.oid, x.oid, 'MEMBER') OR pg_has_role(x.oid, r.oid, 'MEMBER'))));

-- facts_of_database --
-- What makes objects of one's own, temporary ones too, which come before others by their name.
SELECT 'database', format('%%s granted to %%s', string_agg(
           a.privilege_type || CASE WHEN a.is_grantable THEN ' (to be granted on)' ELSE '' END,
           ', ' ORDER BY a.privilege_type), coalesce(r.rolname, 'PUBLIC'))
FROM pg_database d CROSS JOIN aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE d.datname = current_database() AND a.privilege_type <> 'CONNECT' AND a.grantee <> d.datdba
  AND NOT EXISTS (
      SELECT FROM pg_namespace n
      WHERE n.nspname = ANY(%(schemas)s::text[]) AND n.nspowner = a.grantee)
  AND (a.grantee = 0 OR EXISTS (
      SELECT FROM pg_roles x WHERE x.rolname = ANY(%(roles)s::text[])
          AND (pg_has_role(a.grantee, x.oid, 'MEMBER') OR pg_has_role(x.oid, a.grantee, 'MEMBER'))))
GROUP BY r.rolname;

-- facts_of_readable_elsewhere --
-- Rows that were copied are behind no policy, whatever their columns are called by now: whatever
-- else the application can read is named, foreign tables and views as somebody else too.
WITH RECURSIVE member AS (
    SELECT roleid, member FROM pg_auth_members m
    WHERE coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)
       OR coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, true)
), application AS (
    SELECT oid FROM pg_roles WHERE rolname = ANY(%(roles)s::text[])
    UNION SELECT m.member FROM member m JOIN application a ON a.oid = m.roleid
)
SELECT format('%%I.%%I', n.nspname, c.relname),
       format('a %%s of another schema that %%s can read',
              CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                   WHEN 'f' THEN 'foreign table' ELSE 'table' END,
              string_agg(r.rolname, ', ' ORDER BY r.rolname))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN application a JOIN pg_roles r ON r.oid = a.oid
WHERE c.relkind IN ('r', 'p', 'm', 'f', 'v') AND c.relpersistence <> 't'
  AND NOT n.nspname = ANY(%(schemas)s::text[] || '{pg_catalog,information_schema,pg_toast}')
  AND NOT (r.rolsuper OR r.rolbypassrls)
  AND NOT (c.relkind = 'v' AND EXISTS (
      SELECT FROM pg_options_to_table(c.reloptions)
      WHERE option_name = 'security_invoker' AND option_value::boolean))
  AND has_schema_privilege(r.oid, n.oid, 'USAGE')
  AND has_any_column_privilege(r.oid, c.oid, 'SELECT')
  AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
          AND d.deptype = 'e')
GROUP BY n.nspname, c.relname, c.relkind;

-- facts_of_copies --
-- Tables of other schemas that have a table's columns, all or three at least (two, where one of them
-- is asked by a policy), and may be read by others than the owner and superusers.
WITH held AS (
    SELECT c.oid, n.nspname = ANY(%(schemas)s::text[]) AS ours, a.attnum, a.attname, a.atttypid,
           count(*) OVER (PARTITION BY c.oid) AS columns
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't' AND NOT c.relispartition
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
), asked AS (
    SELECT DISTINCT refobjid AS oid, refobjsubid AS attnum FROM pg_depend
    WHERE classid = 'pg_policy'::regclass AND refclassid = 'pg_class'::regclass AND refobjsubid > 0
), alike AS (
    SELECT DISTINCT ON (copy.oid) copy.oid, original.oid AS of
    FROM held original JOIN held copy
        ON copy.attname = original.attname AND copy.atttypid = original.atttypid
    LEFT JOIN asked ON asked.oid = original.oid AND asked.attnum = original.attnum
    WHERE original.ours AND NOT copy.ours
    GROUP BY copy.oid, copy.columns, original.oid, original.columns
    HAVING count(*) IN (copy.columns, original.columns)
       AND count(*) >= CASE WHEN count(asked.oid) > 0 THEN 2 ELSE 3 END
    ORDER BY copy.oid, count(*) DESC, original.columns, original.oid::regclass::text
), owner AS (
    SELECT nspowner AS oid FROM pg_namespace WHERE nspname = ANY(%(schemas)s::text[])
)
SELECT format('%%I.%%I', n.nspname, c.relname),
       format('has columns of %%s, and %%s can read it', a.of::regclass,
              string_agg(DISTINCT coalesce(r.rolname, 'PUBLIC'), ', '))
FROM alike a JOIN pg_class c ON c.oid = a.oid JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT grantee, privilege_type
    FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner)))
    UNION ALL SELECT g.grantee, g.privilege_type
    FROM pg_attribute t CROSS JOIN aclexplode(t.attacl) AS g WHERE t.attrelid = c.oid
) AS may LEFT JOIN pg_roles r ON r.oid = may.grantee
WHERE may.privilege_type = 'SELECT' AND (r.oid IS NULL OR NOT (r.rolsuper OR r.rolbypassrls))
  AND NOT may.grantee IN (SELECT oid FROM owner)
GROUP BY n.nspname, c.relname, a.of;

-- facts_of_event_triggers --
-- They run as whoever changes the schema, its owner in a migration.
SELECT format('event trigger %%I', e.evtname),
       format('at %%s, calls %%s%%s', e.evtevent, e.evtfoid::regproc,
              CASE e.evtenabled WHEN 'O' THEN '' ELSE ', not enabled as usual' END)
FROM pg_event_trigger e WHERE NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid
        AND d.deptype = 'e');

-- facts_of_casts --
-- Those between types of Postgres' own, or ours, which it does not have itself.
SELECT format('cast from %%s to %%s', c.castsource::regtype, c.casttarget::regtype),
       format('%%s, %%s', CASE c.castcontext WHEN 'i' THEN 'implicit' WHEN 'a' THEN 'at assignment'
                          ELSE 'explicit' END,
              CASE c.castmethod WHEN 'f' THEN 'calls ' || c.castfunc::regproc
                   WHEN 'i' THEN 'by its text' ELSE 'as it is' END)
FROM pg_cast c
WHERE (c.oid >= 16384 OR c.castfunc >= 16384)  -- the first that is not Postgres' own
  AND (SELECT bool_and(n.nspname = ANY(%(schemas)s::text[] || '{pg_catalog}'))
       FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
       WHERE t.oid IN (c.castsource, c.casttarget))
  AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_cast'::regclass AND d.objid = c.oid
          AND d.deptype = 'e');

-- facts_of_shadows --
-- Functions and operators that are found in the place of Postgres' own, where a query says no
-- schema: of another type they come first even from a later schema of the search path.
WITH place AS (
    SELECT oid, nspname FROM pg_namespace
    WHERE nspname IN ('pg_catalog', 'public') AND NOT nspname = ANY(%(schemas)s::text[])
       OR nspname IN (
           SELECT m.rolname FROM pg_roles m JOIN pg_roles r ON r.rolname = ANY(%(roles)s::text[])
           WHERE pg_has_role(m.oid, r.oid, 'MEMBER') AND NOT m.rolsuper)
)
SELECT format('operator %%I.%%s', p.nspname, o.oprname),
       format('of %%s and %%s, calls %%s', o.oprleft::regtype, o.oprright::regtype, o.oprcode)
FROM pg_operator o JOIN place p ON p.oid = o.oprnamespace
WHERE 16384 <= ANY(ARRAY[o.oid, o.oprcode, o.oprrest, o.oprjoin])
  AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_operator'::regclass AND d.objid = o.oid
          AND d.deptype = 'e')
UNION ALL
SELECT format('function %%I.%%I(%%s)', p.nspname, f.proname,
              pg_get_function_identity_arguments(f.oid)),
       'has the name of one of Postgres'' own, body ' || left(encode(sha256(convert_to(
           coalesce(pg_get_function_sqlbody(f.oid), f.prosrc), 'UTF8')), 'hex'), 32)
FROM pg_proc f JOIN place p ON p.oid = f.pronamespace JOIN pg_language l ON l.oid = f.prolang
WHERE (f.oid >= 16384 AND f.proname IN (
           SELECT proname FROM pg_proc WHERE oid < 16384 AND pronamespace = 'pg_catalog'::regnamespace)
       OR f.oid < 16384 AND l.lanname NOT IN ('internal', 'c', 'sql'))
  AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = f.oid
          AND d.deptype = 'e');
