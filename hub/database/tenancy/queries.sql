-- What the catalogue says about who may see which row.

-- set_search_path --
-- With nothing but pg_catalog in it every other name is printed with its schema.
SELECT set_config('search_path', %(path)s, true);

-- tables --
SELECT n.nspname, c.relname, c.relispartition, c.relrowsecurity, c.relforcerowsecurity
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%(schemas)s::text[]) AND c.relkind IN ('r', 'p') ORDER BY 1, 2;

-- policies --
SELECT n.nspname, c.relname, p.polname, p.polpermissive,
       ARRAY(SELECT CASE WHEN r.oid IS NULL THEN 'public'
                         WHEN r.oid = (SELECT CASE n.nspowner WHEN 'pg_database_owner'::regrole THEN d.datdba ELSE n.nspowner END
     FROM pg_database d WHERE d.datname = current_database()) THEN 'the owner' ELSE r.rolname END
             FROM unnest(p.polroles) AS role LEFT JOIN pg_roles r ON r.oid = role ORDER BY 1)::text[],
       CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                     WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
       pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%(schemas)s::text[]) ORDER BY 1, 2, 3;

-- triggers --
-- With the functions that they call.
SELECT n.nspname, c.relname, t.tgname, pg_get_triggerdef(t.oid), t.tgenabled::text,
       fn.nspname, f.proname, f.prosrc, f.prosecdef, f.proconfig
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc f ON f.oid = t.tgfoid
JOIN pg_namespace fn ON fn.oid = f.pronamespace
WHERE n.nspname = ANY(%(schemas)s::text[]) AND NOT t.tgisinternal AND NOT c.relispartition
ORDER BY 1, 2, 3;

-- may_compare --
SELECT has_database_privilege(current_database(), 'TEMPORARY')
       AND has_table_privilege(%(table)s, 'SELECT');

-- compared_table --
CREATE TEMPORARY TABLE {name} (LIKE {table});

-- compared_expression --
SELECT pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
FROM pg_policy p WHERE p.polrelid = %(table)s::regclass;

-- drop_compared --
DROP TABLE {name};

-- roles --
-- What the application's roles may, and what those may that they can become. A membership of
-- Postgres 16 and newer that is for administration alone gives nothing.
WITH RECURSIVE member AS (
    SELECT roleid, member FROM pg_auth_members m
    WHERE coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)
       OR coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, true)
), application AS (
    SELECT oid FROM pg_roles WHERE rolname = ANY(%(roles)s::text[])
    UNION SELECT m.member FROM member m JOIN application a ON a.oid = m.roleid
), becomes AS (
    SELECT oid AS role, oid AS other FROM application
    UNION SELECT b.role, m.roleid FROM becomes b JOIN member m ON m.member = b.other
), owner AS (
    SELECT nspowner AS oid FROM pg_namespace WHERE nspname = ANY(%(schemas)s::text[])
    UNION SELECT relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(%(schemas)s::text[])
)
SELECT r.rolname, CASE WHEN o.oid = r.oid THEN '' ELSE 'may become ' || o.rolname || ', which ' END
    || may.what
FROM becomes b JOIN pg_roles r ON r.oid = b.role JOIN pg_roles o ON o.oid = b.other
CROSS JOIN LATERAL (VALUES
    ('is a superuser', o.rolsuper), ('has BYPASSRLS', o.rolbypassrls),
    ('has REPLICATION', o.rolreplication), ('has CREATEROLE', o.rolcreaterole),
    ('has CREATEDB', o.rolcreatedb),
    ('owns tables', o.oid IN (SELECT oid FROM owner)),
    ('owns the database',
     o.oid = (SELECT datdba FROM pg_database WHERE datname = current_database())),
    ('may make schemas', NOT o.rolsuper
     AND has_database_privilege(o.oid, current_database(), 'CREATE')),
    ('may set session_replication_role', NOT o.rolsuper
     AND has_parameter_privilege(o.oid, 'session_replication_role', 'SET')),
    ('is one of Postgres'' own', o.rolname LIKE 'pg\_%%')
) AS may (what, applies)
WHERE may.applies ORDER BY 1, 2;

-- settings --
-- A tenant that is set for a role or a database is one that nobody chose.
SELECT coalesce(r.rolname, 'every role'), coalesce(d.datname, 'every database'), setting
FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
LEFT JOIN pg_database d ON d.oid = s.setdatabase CROSS JOIN unnest(s.setconfig) AS setting
WHERE (s.setdatabase = 0 OR d.datname = current_database())
  AND (split_part(setting, '=', 1) = ANY(%(names)s::text[])
       -- Another's functions and operators, where the application would find those of Postgres.
       OR split_part(setting, '=', 1) = 'search_path' AND EXISTS (
           SELECT FROM pg_roles a WHERE a.rolname = ANY(%(roles)s::text[])
               AND (s.setrole = 0 OR pg_has_role(r.oid, a.oid, 'MEMBER') AND NOT r.rolsuper)))
ORDER BY 1, 2, 3;

-- facts_of_grants --
SELECT format('%%I.%%I', n.nspname, c.relname),
       format('%%s granted to %%s', string_agg(
           a.privilege_type || CASE WHEN a.is_grantable THEN ' (to be granted on)' ELSE '' END,
           ', ' ORDER BY a.privilege_type), coalesce(r.rolname, 'PUBLIC'))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN aclexplode(c.relacl) AS a LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE n.nspname = ANY(%(schemas)s::text[]) AND a.grantee <> c.relowner
GROUP BY n.nspname, c.relname, r.rolname;

-- facts_of_column_grants --
SELECT format('%%I.%%I', n.nspname, c.relname),
       format('%%s of %%s granted to %%s', string_agg(
           a.privilege_type || CASE WHEN a.is_grantable THEN ' (to be granted on)' ELSE '' END,
           ', ' ORDER BY a.privilege_type), t.attname, coalesce(r.rolname, 'PUBLIC'))
FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN aclexplode(t.attacl) AS a LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE n.nspname = ANY(%(schemas)s::text[]) AND a.grantee <> c.relowner
GROUP BY n.nspname, c.relname, t.attname, r.rolname;

-- facts_of_schemas --
SELECT format('schema %%I', n.nspname), format('%%s granted to %%s', string_agg(
           a.privilege_type || CASE WHEN a.is_grantable THEN ' (to be granted on)' ELSE '' END,
           ', ' ORDER BY a.privilege_type), coalesce(r.rolname, 'PUBLIC'))
FROM pg_namespace n CROSS JOIN aclexplode(n.nspacl) AS a LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE n.nspname = ANY(%(schemas)s::text[]) AND a.grantee <> n.nspowner
GROUP BY n.nspname, r.rolname
UNION ALL
-- What is made later would be granted at once.
SELECT CASE WHEN n.nspname IS NULL THEN 'every schema' ELSE format('schema %%I', n.nspname) END,
       format('%%s on new %%s of %%s granted to %%s', a.privilege_type,
              CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences'
                   WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' ELSE 'schemas' END,
              CASE WHEN d.defaclrole = s.nspowner THEN 'the owner'
                   ELSE d.defaclrole::regrole::text END, coalesce(r.rolname, 'PUBLIC'))
FROM pg_default_acl d JOIN pg_namespace s ON s.nspname = ANY(%(schemas)s::text[])
    AND (d.defaclnamespace = s.oid OR d.defaclnamespace = 0)
LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
CROSS JOIN aclexplode(d.defaclacl) AS a LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE a.grantee <> d.defaclrole AND NOT (d.defaclobjtype IN ('f', 'T') AND a.grantee = 0);

-- facts_of_functions --
SELECT format('function %%I.%%I(%%s)', n.nspname, p.proname,
              pg_get_function_identity_arguments(p.oid)),
       concat_ws(', ', CASE WHEN p.prosecdef THEN 'runs as its owner' ELSE 'runs as its caller' END,
                 array_to_string(p.proconfig, ', '),
                 -- One that is immutable is computed when a plan is made, for whoever comes then.
                 CASE p.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' END,
                 CASE WHEN p.proleakproof THEN 'LEAKPROOF' END,
                 CASE WHEN p.proowner <> (SELECT CASE n.nspowner WHEN 'pg_database_owner'::regrole THEN d.datdba ELSE n.nspowner END
     FROM pg_database d WHERE d.datname = current_database()) THEN 'owned by ' || p.proowner::regrole END,
                 'body ' || left(encode(sha256(convert_to(
                     coalesce(pg_get_function_sqlbody(p.oid), p.prosrc), 'UTF8')), 'hex'), 32))
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = ANY(%(schemas)s::text[]) AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
        AND d.deptype = 'e');

-- facts_of_function_grants --
SELECT format('function %%I.%%I(%%s)', n.nspname, p.proname,
              pg_get_function_identity_arguments(p.oid)),
       format('%%s granted to %%s', string_agg(
           a.privilege_type || CASE WHEN a.is_grantable THEN ' (to be granted on)' ELSE '' END,
           ', ' ORDER BY a.privilege_type), coalesce(r.rolname, 'PUBLIC'))
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE n.nspname = ANY(%(schemas)s::text[]) AND a.grantee <> p.proowner AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
        AND d.deptype = 'e')
GROUP BY p.oid, n.nspname, p.proname, r.rolname;

-- facts_of_relations --
SELECT format('%%I.%%I', n.nspname, c.relname), fact.text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT 'a view that runs as its owner, body ' || left(encode(sha256(convert_to(
        pg_get_viewdef(c.oid), 'UTF8')), 'hex'), 32)
    WHERE c.relkind = 'm' OR c.relkind = 'v' AND NOT EXISTS (
        SELECT FROM pg_options_to_table(c.reloptions)
        WHERE option_name = 'security_invoker' AND option_value::boolean)
    UNION ALL SELECT 'owned by ' || c.relowner::regrole WHERE c.relowner <> (SELECT CASE n.nspowner WHEN 'pg_database_owner'::regrole THEN d.datdba ELSE n.nspowner END
     FROM pg_database d WHERE d.datname = current_database())
    UNION ALL SELECT 'a foreign table' WHERE c.relkind = 'f'
    UNION ALL SELECT 'inherited from by ' || i.inhrelid::regclass FROM pg_inherits i
        JOIN pg_class h ON h.oid = i.inhrelid JOIN pg_namespace hn ON hn.oid = h.relnamespace
        WHERE i.inhparent = c.oid AND h.relkind IN ('r', 'p', 'f')
          AND (c.relkind = 'r' OR NOT hn.nspname = ANY(%(schemas)s::text[]))
    UNION ALL SELECT format('rule %%I', r.rulename) FROM pg_rewrite r
        WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN'
    UNION ALL SELECT format('%%I: %%s', o.conname, pg_get_constraintdef(o.oid))
        FROM pg_constraint o WHERE o.conrelid = c.oid AND o.contype = 'f' AND o.conparentid = 0
    UNION ALL SELECT format('%%s%%s', pg_get_triggerdef(t.oid),
            CASE WHEN t.tgenabled = 'O' THEN '' ELSE ', not enabled as usual' END)
        FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
    UNION ALL SELECT DISTINCT 'foreign keys are not looked at'
        FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgisinternal AND t.tgenabled <> 'O'
) AS fact (text)
WHERE n.nspname = ANY(%(schemas)s::text[]) AND NOT (c.relispartition AND fact.text !~ '^(owned|inherited from) by ');

-- facts_of_policies --
SELECT format('%%I.%%I', n.nspname, c.relname),
       format('policy %%I, %%s for %%s to %%s, using %%s, check %%s', p.polname,
              CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
              CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                            WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
              (SELECT string_agg(CASE WHEN r.oid IS NULL THEN 'public'
                                      WHEN r.oid = (SELECT CASE n.nspowner WHEN 'pg_database_owner'::regrole THEN d.datdba ELSE n.nspowner END
     FROM pg_database d WHERE d.datname = current_database()) THEN 'the owner' ELSE r.rolname END,
                                 ', ' ORDER BY r.rolname)
               FROM unnest(p.polroles) AS role LEFT JOIN pg_roles r ON r.oid = role),
              coalesce(pg_get_expr(p.polqual, p.polrelid), 'nothing'),
              coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'nothing'))
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%(schemas)s::text[])
  AND NOT p.polname = ANY(%(ours)s::text[]);

-- facts_of_operators --
SELECT format('operator %%I.%%s', n.nspname, o.oprname),
       format('of %%s and %%s, calls %%s', o.oprleft::regtype, o.oprright::regtype, o.oprcode)
FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
WHERE n.nspname = ANY(%(schemas)s::text[]) AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_operator'::regclass AND d.objid = o.oid
        AND d.deptype = 'e');
