"""Whatever is done to our own database's tenancy behind our back, `drift` names it.

Each is done by a superuser and looked for by the application's role, as `dormouse hub doctor` does.
"""

import psycopg
import pytest

from hub.database.database import Database
from hub.database.tenancy.drift import drift
from hub.doctor.database import examine
from hub.doctor.finding import Verdict

OWNER, APP, LOGIN = "dormouse_owner", "dormouse_app", "dormouse_hub"
CURRENT = "(SELECT NULLIF(current_setting('dormouse.tenant', true), '')::integer)"
DIRECT = f"tenant_id = {CURRENT}"
TAMPERINGS = [
    # Policies.
    ("ALTER POLICY tenant ON dormouse.device USING (true)", "device: policy tenant USING"),
    ("ALTER POLICY tenant ON dormouse.device WITH CHECK (true)", "device: policy tenant WITH"),
    (f"ALTER POLICY tenant ON dormouse.device USING ({DIRECT} OR true)", "device: policy tenant"),
    (f"ALTER POLICY tenant ON dormouse.device USING ({DIRECT} OR id = 1)", "device: policy"),
    (f"ALTER POLICY tenant ON dormouse.device USING (NOT {DIRECT})", "device: policy tenant USING"),
    (f"ALTER POLICY tenant ON dormouse.device USING (id = {CURRENT})", "device: policy tenant"),
    (("ALTER POLICY tenant ON dormouse.device USING (tenant_id = (SELECT NULLIF(current_setting("
     "'dormouse.tenants', true), '')::integer))"), "device: policy tenant USING"),
    (("CREATE SCHEMA evil; CREATE VIEW evil.series AS SELECT * FROM dormouse.series; ALTER POLICY "
     "tenant ON dormouse.quarantine USING (series_id IN (SELECT series.id FROM evil.series))"),
     "quarantine: policy tenant USING"),
    (("CREATE SCHEMA evil; CREATE FUNCTION evil.same(integer, integer) RETURNS boolean LANGUAGE "
     "sql AS 'SELECT true'; CREATE OPERATOR evil.= (LEFTARG = integer, RIGHTARG = integer, "
     "FUNCTION = evil.same); ALTER POLICY tenant ON dormouse.device USING "
     f"(tenant_id OPERATOR(evil.=) {CURRENT})"), "device: policy tenant USING"),
    ("DROP POLICY tenant ON dormouse.device", "device: has no policy tenant"),
    ("ALTER POLICY tenant ON dormouse.device RENAME TO tenants", "device: has no policy tenant"),
    ((f"DROP POLICY tenant ON dormouse.device; CREATE POLICY tenant ON dormouse.device FOR SELECT "
     f"USING ({DIRECT})"), "device: policy tenant is for SELECT"),
    ((f"DROP POLICY tenant ON dormouse.device; CREATE POLICY tenant ON dormouse.device AS "
     f"RESTRICTIVE USING ({DIRECT})"), "device: policy tenant is restrictive"),
    ("CREATE POLICY more ON dormouse.device USING (true)", "device: policy more"),
    ("CREATE POLICY tenant_select ON dormouse.device FOR SELECT USING (true)",
     "device: policy tenant_select is not declared"),
    ("ALTER POLICY directory ON dormouse.tenant TO public", "tenant: policy directory"),
    (f"ALTER POLICY tenant ON dormouse.device TO {OWNER}", "device: policy tenant is for ALL to"),
    ("CREATE POLICY tenant ON dormouse.reading_2020_01 USING (true)",
     "reading_2020_01: policy tenant is not declared"),
    ("CREATE POLICY more ON dormouse.reading_2020_01 USING (true)", "reading_2020_01: policy more"),
    # Row-level security.
    ("ALTER TABLE dormouse.device DISABLE ROW LEVEL SECURITY", "device: row-level security is not"),
    ("ALTER TABLE dormouse.device NO FORCE ROW LEVEL SECURITY", "device: row-level security"),
    ("ALTER TABLE dormouse.reading_2020_01 DISABLE ROW LEVEL SECURITY",
     "reading_2020_01: row-level security is not"),
    (f"ALTER TABLE dormouse.device OWNER TO {LOGIN}", "device: owned by"),
    # Grants.
    ("GRANT SELECT ON dormouse.person TO PUBLIC", "person: SELECT granted to PUBLIC"),
    (f"GRANT SELECT ON dormouse.web_session TO {APP}", "web_session: SELECT granted to"),
    (f"GRANT SELECT (password) ON dormouse.person TO {APP}", "person: SELECT of password granted"),
    (f"GRANT UPDATE ON dormouse.tick TO {APP}", "tick: SELECT, UPDATE granted"),
    (f"GRANT TRUNCATE ON dormouse.device TO {APP}", "device: DELETE, INSERT, SELECT, TRUNCATE,"),
    (f"REVOKE INSERT ON dormouse.device FROM {APP}", "device: no longer so: DELETE, INSERT"),
    (f"GRANT SELECT ON dormouse.tick TO {APP} WITH GRANT OPTION", "tick: SELECT (to be"),
    (f"GRANT SELECT ON dormouse.reading_2020_01 TO {APP}", "reading_2020_01: SELECT granted to"),
    (f"GRANT CREATE ON SCHEMA dormouse TO {APP}", "schema dormouse: CREATE, USAGE granted"),
    ((f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA dormouse GRANT SELECT ON TABLES "
     "TO PUBLIC"), "schema dormouse: SELECT on new tables of the owner granted to PUBLIC"),
    (f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT SELECT ON TABLES TO PUBLIC",
     "every schema: SELECT on new tables of the owner granted to PUBLIC"),
    # Views.
    ("CREATE VIEW dormouse.leak AS SELECT * FROM dormouse.device", "leak: a view that runs as"),
    ("ALTER VIEW dormouse.calibrated RESET (security_invoker)", "calibrated: a view that runs as"),
    ("ALTER VIEW dormouse.calibrated SET (security_invoker = off)", "calibrated: a view that runs"),
    ("CREATE MATERIALIZED VIEW dormouse.leak AS SELECT 1", "leak: a view that runs as its owner"),
    # Functions.
    (("CREATE FUNCTION dormouse.leak() RETURNS SETOF dormouse.device LANGUAGE sql SECURITY DEFINER "
     "AS 'SELECT * FROM dormouse.device'"), "function dormouse.leak(): runs as its owner"),
    ("ALTER FUNCTION dormouse.current_tenant() SECURITY DEFINER",
     "function dormouse.current_tenant(): runs as its owner"),
    (("CREATE OR REPLACE FUNCTION dormouse.current_tenant() RETURNS integer LANGUAGE sql STABLE "
     "RETURN 1"), "function dormouse.current_tenant(): runs as its caller"),
    (("CREATE OR REPLACE FUNCTION dormouse.has_administrator() RETURNS boolean LANGUAGE sql STABLE "
     "SECURITY DEFINER SET search_path = pg_catalog RETURN false"),
     "function dormouse.has_administrator(): runs as its owner"),
    ("ALTER FUNCTION dormouse.tenant_names() RESET search_path",
     "function dormouse.tenant_names(): runs as its owner, STABLE, body"),
    ("ALTER FUNCTION dormouse.tenant_names() SET search_path = public",
     "function dormouse.tenant_names(): runs as its owner, search_path=public"),
    ("ALTER FUNCTION dormouse.tenant_names() OWNER TO CURRENT_USER",
     "function dormouse.tenant_names(): runs as its owner"),
    ("ALTER FUNCTION dormouse.current_tenant() LEAKPROOF",
     "function dormouse.current_tenant(): runs as its caller, STABLE, LEAKPROOF"),
    (f"GRANT EXECUTE ON FUNCTION dormouse.tenant_names() TO {APP} WITH GRANT OPTION",
     "function dormouse.tenant_names(): EXECUTE (to be granted on)"),
    # What policies rely upon.
    ("ALTER TABLE dormouse.series DROP CONSTRAINT series_tenant_id_device_id_fkey",
     "series: no longer so: series_tenant_id_device_id_fkey"),
    ("ALTER TABLE dormouse.series DISABLE TRIGGER ALL", "series: foreign keys are not looked at"),
    ("ALTER TABLE dormouse.device DISABLE TRIGGER keep_history_update", "device: CREATE TRIGGER"),
    ("DROP TRIGGER keep_history_update ON dormouse.device", "device: no longer so: CREATE TRIGGER"),
    ("CREATE RULE spy AS ON INSERT TO dormouse.device DO ALSO NOTIFY spy", "device: rule spy"),
    ("CREATE TABLE dormouse.heir () INHERITS (dormouse.activity)", "activity: inherited from by"),
    ("CREATE TABLE dormouse.secret (n int)", "secret: no path to a tenant is declared"),
    ("DROP TABLE dormouse.key_value", "key_value: is missing"),
    # Roles and settings.
    (f"ALTER ROLE {LOGIN} BYPASSRLS", f"role {LOGIN}: has BYPASSRLS"),
    (f"ALTER ROLE {LOGIN} SUPERUSER", f"role {LOGIN}: is a superuser"),
    (f"ALTER ROLE {APP} CREATEROLE", f"role {LOGIN}: may become {APP}, which has CREATEROLE"),
    (f"GRANT {OWNER} TO {LOGIN}", f"role {LOGIN}: may become {OWNER}, which owns tables"),
    (f"GRANT pg_execute_server_program TO {LOGIN}",
     f"role {LOGIN}: may become pg_execute_server_program"),
    (f"ALTER ROLE {LOGIN} SET dormouse.tenant = '1'", f"{LOGIN} in every database: has dormouse"),
    (f"ALTER ROLE {LOGIN} IN DATABASE {{database}} SET dormouse.tenant = '1'", f"{LOGIN} in test_"),
    ("ALTER DATABASE {database} SET dormouse.tenant = '1'", "every role in test_"),
    (f"ALTER ROLE {LOGIN} SET row_security = off", f"{LOGIN} in every database: has row_security"),
    (f"ALTER ROLE {LOGIN} SET role = {OWNER}", f"{LOGIN} in every database: has role"),
    (f"ALTER ROLE {LOGIN} SET search_path = evil, pg_catalog",
     f"{LOGIN} in every database: has search_path"),
    (f"GRANT SET ON PARAMETER session_replication_role TO {LOGIN}",
     f"role {LOGIN}: may set session_replication_role"),
    (f"GRANT CREATE ON DATABASE {{database}} TO {LOGIN}", f"role {LOGIN}: may make schemas"),
    (f"ALTER DATABASE {{database}} OWNER TO {LOGIN}", f"role {LOGIN}: owns the database"),
    ("ALTER DATABASE {database} SET search_path = evil, pg_catalog", "every role in test_"),
    ("ALTER ROLE ALL SET search_path = evil", "every role in every database: has search_path"),
    (f"ALTER ROLE {LOGIN} SET session_preload_libraries = 'evil'",
     f"{LOGIN} in every database: ha"),
    ("GRANT TEMPORARY ON DATABASE {database} TO PUBLIC", "database: TEMPORARY granted to PUBLIC"),
    ("GRANT CREATE ON DATABASE {database} TO PUBLIC", "database: CREATE granted to PUBLIC"),
    (f"GRANT TEMPORARY ON DATABASE {{database}} TO {APP}", f"database: TEMPORARY granted to {APP}"),
    # Copies.
    (("CREATE TABLE public.c AS SELECT * FROM dormouse.device; GRANT SELECT ON public.c TO "
     f"{APP}"),
     f"public.c: a table of another schema that {APP}"),
    (("SELECT 1 AS a, name AS b INTO public.c FROM dormouse.device; GRANT SELECT (b) ON "
     "public.c TO PUBLIC; GRANT USAGE ON SCHEMA public TO PUBLIC"),
     "public.c: a table of another schema that"),
    (("CREATE SCHEMA evil; CREATE MATERIALIZED VIEW evil.c AS SELECT name FROM "
     f"dormouse.device; GRANT USAGE ON SCHEMA evil TO {LOGIN}; GRANT SELECT ON evil.c TO "
     f"{LOGIN}"),
     f"evil.c: a materialized view of another schema that {LOGIN} can read"),
    (("CREATE SCHEMA evil; CREATE TABLE evil.c AS SELECT password AS p FROM "
     "dormouse.person; CREATE VIEW public.v AS SELECT * FROM evil.c; GRANT SELECT ON "
     "public.v TO PUBLIC"),
     "public.v: a view of another schema that"),
    (("CREATE ROLE mallory; CREATE SCHEMA evil; CREATE TABLE evil.c AS SELECT name, "
     "tenant_id FROM dormouse.device; GRANT SELECT (name) ON evil.c TO mallory"),
     "evil.c: has columns of dormouse."),
    (("CREATE ROLE mallory; CREATE SCHEMA evil; SELECT *, 1 AS more INTO evil.c FROM "
     "dormouse.person; ALTER TABLE evil.c OWNER TO mallory"),
     "evil.c: has columns of dormouse.person, and mallory can read it"),
    (("CREATE SCHEMA evil; CREATE MATERIALIZED VIEW evil.c AS SELECT person.name, "
     "person.id, person.password FROM dormouse.person; GRANT SELECT ON evil.c TO PUBLIC"),
     "evil.c: has columns of dormouse.person, and PUBLIC can read it"),
    # In the place of what Postgres has.
    ("CREATE CAST (text AS integer) WITH INOUT AS IMPLICIT",
     "cast from text to integer: implicit, by its text"),
    (("CREATE FUNCTION public.f(text) RETURNS integer LANGUAGE sql AS 'SELECT 1'; CREATE "
     "CAST (text AS integer) WITH FUNCTION public.f(text) AS ASSIGNMENT"),
     "cast from text to integer: at assignment, calls public.f"),
    (("CREATE FUNCTION public.f(bigint, smallint) RETURNS boolean LANGUAGE sql AS 'SELECT "
     "true'; CREATE OPERATOR public.= (LEFTARG = bigint, RIGHTARG = integer, FUNCTION = "
     "int84eq)"),
     "operator public.=: of bigint and integer, calls int84eq"),
    (("CREATE FUNCTION pg_catalog.yes(integer, text) RETURNS boolean LANGUAGE sql AS "
     "'SELECT true'; CREATE OPERATOR pg_catalog.= (LEFTARG = integer, RIGHTARG = text, "
     "FUNCTION = pg_catalog.yes)"),
     "operator pg_catalog.=: of integer and text, calls yes"),
    (("CREATE FUNCTION public.lower(character varying) RETURNS text LANGUAGE sql AS 'SELECT"
     " $1'"),
     "function public.lower(character varying): has the name of one of Postgres' own"),
    ((f"CREATE SCHEMA {LOGIN}; CREATE FUNCTION {LOGIN}.now(integer) RETURNS integer LANGUAGE"
     " sql AS 'SELECT 1'"),
     f"function {LOGIN}.now(integer): has the name of one of Postgres' own"),
    (("CREATE OR REPLACE FUNCTION pg_catalog.int4eq(integer, integer) RETURNS boolean "
     "LANGUAGE plpgsql IMMUTABLE STRICT AS 'BEGIN RETURN true; END'"),
     "function pg_catalog.int4eq(integer, integer): has the name"),
    (("CREATE FUNCTION public.f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; "
     "CREATE EVENT TRIGGER spy ON ddl_command_end EXECUTE FUNCTION public.f()"),
     "event trigger spy: at ddl_command_end, calls public.f"),
    # From outside.
    ("CREATE PUBLICATION spy FOR ALL TABLES", "publication spy: sends all tables"),
    ("CREATE PUBLICATION spy FOR TABLE dormouse.device", "publication spy: sends dormouse.device"),
    ("CREATE PUBLICATION spy FOR TABLES IN SCHEMA dormouse", "publication spy: sends the schema"),
    (("CREATE VIEW public.devices AS SELECT * FROM dormouse.device; CREATE SCHEMA evil; "
     "CREATE VIEW evil.leak AS SELECT * FROM public.devices"),
     "evil.leak: a view that runs as its owner"),
    ("CREATE MATERIALIZED VIEW public.leak AS SELECT * FROM dormouse.device",
     "public.leak: a view that runs as its owner"),
    (("CREATE TABLE public.t (n int); CREATE RULE spy AS ON INSERT TO public.t DO ALSO SELECT * "
     "FROM dormouse.device"), "public.t: a rule that reads as its owner"),
    (("CREATE FUNCTION public.leak() RETURNS SETOF dormouse.device LANGUAGE sql SECURITY DEFINER "
     "AS 'SELECT * FROM dormouse.device'; GRANT USAGE ON SCHEMA public TO PUBLIC"),
     "function public.leak(): runs as"),
    (("CREATE TABLE public.old PARTITION OF dormouse.reading FOR VALUES FROM ('2019-01-01Z') TO "
     "('2019-02-01Z')"), "reading: inherited from by public.old"),
    ("ALTER FUNCTION dormouse.current_tenant() IMMUTABLE",
     "function dormouse.current_tenant(): runs as its caller, IMMUTABLE"),
    (("CREATE OPERATOR dormouse.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4ne)"),
     "operator dormouse.=: of integer and integer, calls int4ne"),
    (f"GRANT EXECUTE ON FUNCTION pg_read_file(text) TO {APP}",
     "function pg_catalog.pg_read_file(text): EXECUTE granted to"),
    ("GRANT SELECT ON pg_statistic TO PUBLIC", "pg_catalog.pg_statistic: SELECT granted to PUBLIC"),
]  # fmt: skip


async def test_every_tampering_is_named(database):
    missed = []
    async with await psycopg.AsyncConnection.connect(database.admin_url) as admin:
        await admin.execute("SELECT dormouse.ensure_partition('2020-01-05')")
        await admin.execute("SET LOCAL client_min_messages = error")
        for change, seen in [*TAMPERINGS, ("SELECT", "")]:
            async with admin.transaction(force_rollback=True):
                await admin.execute(change.format(database=database.name).encode())
                await admin.execute(f"SET LOCAL SESSION AUTHORIZATION {LOGIN}".encode())
                found = [str(one) for one in await drift(admin)]
                if not any(one.startswith(seen) for one in found) and (seen or found):
                    missed.append((change, seen, found))
                await admin.execute("SET LOCAL SESSION AUTHORIZATION DEFAULT")
    assert not missed
    assert len(TAMPERINGS) >= 20


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ("ALTER POLICY tenant ON dormouse.reading WITH CHECK (true)", "reading: policy tenant"),
        ("CREATE POLICY more ON dormouse.token USING (true)", "token: policy more"),
        ("GRANT SELECT ON dormouse.person TO dormouse_app", "person: SELECT granted"),
    ],
)
async def test_the_doctor_says_so(database, change, seen):
    async with Database(database.app_url) as store:
        assert {one.verdict async for one in examine(store)} == {Verdict.GOOD}
        async with await psycopg.AsyncConnection.connect(database.admin_url) as admin:
            await admin.execute(change.encode())
        found = [one async for one in examine(store) if one.verdict is Verdict.BAD]
    assert [one.what for one in found] == ["what keeps tenants apart is as declared"]
    assert found[0].detail.startswith(seen)
