from __future__ import annotations

from importlib.resources import files

import psycopg
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects.postgresql.base import ischema_names

from hub.database.database import Database
from hub.database.migrate import head
from hub.database.tenancy import declare
from hub.database.tenancy.declare import GLOBAL, TABLES
from hub.database.tenancy.drift import drift
from hub.database.upgrade import config, engine_url
from hub.models import Base
from hub.models.history import Xid8
from hub.models.record_tenancy import recorded

# The types that SQLAlchemy does not know of itself.
ischema_names["xid8"] = Xid8


def test_migrations_lead_to_the_declared_schema(database):
    engine = sqlalchemy.create_engine(engine_url(database.owner_url))

    def ours(name: str | None, kind: str, parents: dict) -> bool:
        if kind == "schema":
            return name == "dormouse"
        return not (kind == "table" and (name == "alembic_version" or name[:9] == "reading_2"))

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_schemas": True, "include_name": ours, "compare_type": True}
        )
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_every_table_is_declared_for_tenancy(database):
    tables = {name.removeprefix("dormouse.") for name in Base.metadata.tables}
    assert tables | {"alembic_version"} == TABLES.keys() | GLOBAL.keys()


async def test_a_migrated_database_has_no_drift(store: Database):
    async with store.nobody() as conn:
        await conn.execute("SELECT dormouse.ensure_partitions_ahead(2)")
        assert await drift(conn) == []


CHANGES = [
    ("ALTER TABLE dormouse.device DISABLE ROW LEVEL SECURITY",
     "device: row-level security is not"),
    ("ALTER TABLE dormouse.latest NO FORCE ROW LEVEL SECURITY",
     "latest: row-level security is not"),
    ("DROP POLICY tenant ON dormouse.series", "series: has no policy tenant"),
    ("ALTER POLICY tenant ON dormouse.series USING (true)", "series: policy tenant USING true"),
    ("ALTER POLICY tenant ON dormouse.quarantine WITH CHECK (series_id > 0)",
     "quarantine: policy tenant WITH CHECK (series_id > 0)"),
    ("ALTER POLICY tenant ON dormouse.reading TO dormouse_app",
     "reading: policy tenant is for ALL to"),
    ("CREATE POLICY all_of_it ON dormouse.account USING (true)",
     "account: policy all_of_it, permissive"),
    ("ALTER POLICY directory ON dormouse.tenant TO public",
     "tenant: policy directory, permissive for ALL to public"),
    ("CREATE TABLE dormouse.secret (n int)", "secret: row-level security is not"),
    ("CREATE TABLE dormouse.secret (n int)", "secret: no path to a tenant is declared"),
    ("CREATE VIEW dormouse.leak AS SELECT * FROM dormouse.device", "leak: a view that runs as"),
    ("GRANT SELECT ON dormouse.reading_2020_01 TO dormouse_app",
     "reading_2020_01: SELECT granted to dormouse_app"),
    ("ALTER TABLE dormouse.reading_2020_01 DISABLE ROW LEVEL SECURITY",
     "reading_2020_01: row-level security is not"),
    ("DROP TABLE dormouse.key_value", "key_value: is missing"),
]  # fmt: skip


async def test_what_is_declared_is_what_models_and_migrations_make(database):
    file = files("hub.database.tenancy").joinpath(declare.FILE)
    text = await recorded(database.owner_url)
    assert file.read_text().splitlines() == text.splitlines(), (
        "python -m hub.models.record_tenancy writes it anew"
    )


async def test_drift_is_seen(database):
    async with await psycopg.AsyncConnection.connect(database.owner_url) as owner:
        await owner.execute("SELECT dormouse.ensure_partition('2020-01-05')")
        for change, seen in CHANGES:
            async with owner.transaction(force_rollback=True):
                await owner.execute(change.encode())
                found = [str(one) for one in await drift(owner)]
                assert any(one.startswith(seen) for one in found), (change, found)
        assert await drift(owner) == []


def test_the_newest_step_by_name_is_alembics_head():
    assert head() == ScriptDirectory.from_config(config()).get_current_head()
