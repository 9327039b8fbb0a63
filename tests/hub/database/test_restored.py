"""A restored database, and one that came through all versions, are as safe as a fresh one."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import psycopg
from psycopg import errors as pg
from psycopg.conninfo import make_conninfo

from contracts.reading import Reading
from hub.database import roles
from hub.database.backup import backup, restore
from hub.database.database import Database
from hub.database.migrate import migrate, steps
from hub.database.postgres import DATABASE, OWNER, Postgres
from hub.database.upgrade import upgrade
from hub.devices.changes import DeviceChanges
from hub.devices.history import changes_of
from hub.maintenance.fixture import load_fixture
from hub.upkeep.packing import Packing
from tests.hub.ingest.test_ingest import NOW, key, stored
from tests.support.postgres import FAST

CATALOGUE = {
    "database": """
        SELECT a.privilege_type, a.is_grantable, a.grantor::regrole::text,
               CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
        FROM pg_database d
        CROSS JOIN aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
        WHERE d.datname = current_database()""",
    "schemas": """
        SELECT n.nspname, n.nspowner::regrole::text, a.privilege_type,
               CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
        FROM pg_namespace n CROSS JOIN aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
        WHERE n.nspname NOT LIKE 'pg\\_t%'""",
    # Months differ; what may be done with one may be done with all.
    "relations": """
        SELECT DISTINCT regexp_replace(c.relname, '_20\\d\\d_\\d\\d', '_month'), c.relkind::text,
               c.relowner::regrole::text, c.relrowsecurity, c.relforcerowsecurity,
               c.reloptions::text, a.privilege_type,
               CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
        FROM pg_class c LEFT JOIN LATERAL aclexplode(c.relacl) AS a ON true
        WHERE c.relnamespace = 'dormouse'::regnamespace""",
    "columns": """
        SELECT attrelid::regclass::text, attname, attacl::text FROM pg_attribute
        WHERE attacl IS NOT NULL AND attrelid::regclass::text LIKE 'dormouse.%'""",
    "functions": """
        SELECT p.oid::regprocedure::text, p.proowner::regrole::text, p.prosecdef,
               p.proconfig::text, p.proacl::text
        FROM pg_proc p WHERE p.pronamespace = 'dormouse'::regnamespace""",
    "policies": """
        SELECT tablename, policyname, permissive, roles::text, cmd, qual, with_check
        FROM pg_policies WHERE schemaname = 'dormouse'""",
    "triggers": """
        SELECT pg_get_triggerdef(t.oid), t.tgenabled::text FROM pg_trigger t
        JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = 'dormouse'::regnamespace AND NOT t.tgisinternal
          AND NOT c.relispartition""",
    "defaults": "SELECT defaclobjtype::text, defaclacl::text FROM pg_default_acl",
    "settings": "SELECT setconfig::text FROM pg_db_role_setting",
}


async def catalogue(url: str) -> dict[str, list[tuple]]:
    async with await psycopg.AsyncConnection.connect(url) as conn:
        return {
            name: sorted(await (await conn.execute(query)).fetchall(), key=str)
            for name, query in CATALOGUE.items()
        }


async def may_make_temporary(url: str) -> bool:
    async with await psycopg.AsyncConnection.connect(url) as conn:
        try:
            await conn.execute("CREATE TEMPORARY TABLE device (id integer)")
        except pg.InsufficientPrivilege:
            return False
        return True


async def test_privileges_are_those_of_a_fresh_one(server_folder: Path, tmp_path: Path):
    async with Postgres(server_folder / "restored", tuning=FAST) as postgres:
        own_url = make_conninfo(postgres.admin_url, dbname=DATABASE)
        await migrate(postgres.owner_url)
        async with Database(postgres.app_url) as store:
            await load_fixture(store)
        fresh = await catalogue(own_url)
        for function, _, definer, settings, _ in fresh["functions"]:
            # A function whose own path ends with it takes nobody's temporary objects for ours.
            assert not definer or settings, function
            assert "search_path" not in (settings or "") or "pg_temp" in settings, function
        assert not await may_make_temporary(postgres.app_url)

        # Through all versions, one by one.
        admin = make_conninfo(postgres.admin_url, dbname="postgres")
        async with await psycopg.AsyncConnection.connect(admin, autocommit=True) as conn:
            await roles.ensure_database(conn, "stepwise", OWNER)
        owner_url, app_url, admin_url = (
            make_conninfo(url, dbname="stepwise")
            for url in (postgres.owner_url, postgres.app_url, postgres.admin_url)
        )
        for step in sorted(steps()):
            await asyncio.to_thread(upgrade, owner_url, step)
        async with Database(app_url) as store:
            await load_fixture(store)
        assert await catalogue(admin_url) == fresh
        assert not await may_make_temporary(app_url)

        async with Database(postgres.app_url) as store:
            await pack_some(store)
            measured = await every_reading(store)
        await backup(postgres, tmp_path / "a.backup")
        await restore(postgres, tmp_path / "a.backup")
        assert await catalogue(own_url) == fresh
        assert not await may_make_temporary(postgres.app_url)
        async with Database(postgres.app_url) as store:
            assert await every_reading(store) == measured
            await goes_on(store, own_url)


async def pack_some(store: Database) -> None:
    """A day of numbers, of numbers that are no decimals, and of texts."""
    day = NOW - timedelta(days=3)
    values = {"A": 20.5, "B": 1 / 3, "C": "Ö\\,{}"}
    await stored(store, [
        Reading(key(characteristic=name), value, day + timedelta(seconds=n))
        for name, value in values.items() for n in range(9)
    ])  # fmt: skip
    run = await Packing(store, 1).run()
    assert run is not None
    assert run.readings["home"] >= 27


async def every_reading(store: Database) -> list[tuple]:
    async with store.of("home").transaction() as conn:
        rows = await conn.execute(
            "SELECT series_id, at, float8send(value), text, stored_under "
            "FROM dormouse.every_reading ORDER BY 1, 2, 3, 4"
        )
        return await rows.fetchall()


async def goes_on(store: Database, admin_url: str) -> None:
    """What is made in a restored database is new: numbers of rows, steps of history, months."""
    await stored(store, [Reading(key(), 1.0, NOW), Reading(key("esp8266_new"), 1.0, NOW)])
    tenant = store.of("home")
    await DeviceChanges(tenant, "ann").name("d1", "before")
    before = len(await changes_of(tenant, "d1", most=100))
    async with await psycopg.AsyncConnection.connect(admin_url) as conn:
        # By chance the last step has the number of a transaction that is yet to come.
        await conn.execute("UPDATE dormouse.tick SET xact = pg_current_xact_id()")
        number = await tenant.database.tenant_id("home")
        await conn.execute("SELECT set_config('dormouse.tenant', %s, true)", [str(number)])
        await conn.execute("UPDATE dormouse.device SET name = 'after' WHERE key = 'd1'")
    changes = await changes_of(tenant, "d1", most=100)
    assert len(changes) == before + 1
    assert (changes[0].before, changes[0].after) == ("before", "after")
