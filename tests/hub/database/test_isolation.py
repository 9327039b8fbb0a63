"""Nothing of another tenant can be read, written, counted, referenced or inferred.

Generated over every declared table, as the application's role, directly and through PgBouncer.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import psycopg
import pytest
from psycopg import errors as pg
from psycopg import sql
from psycopg.types.json import Jsonb

from contracts.reading import AS_SENT, ClockReference, Identity, Reading
from hub.anomalies.mutes import MuteRepository
from hub.api.scope import Role, Scope
from hub.database.database import Database
from hub.database.key_value import KeyValueStore
from hub.database.tenancy.declare import GLOBAL, TABLES
from hub.device_settings.repository import SettingsRepository
from hub.devices.repository import DeviceRepository
from hub.firmware.repository import FirmwareRepository
from hub.hooks.model import NewHook
from hub.hooks.repository import HookRepository
from hub.hooks.sources import HookSource
from hub.imports.repository import ImportRepository
from hub.ingest.repository import IntakeRepository
from hub.models import Activity, DeviceRow
from hub.models.sessions import TenantSessions
from hub.mqtt.account_repository import Account, AccountRepository, AccountState
from hub.people.repository import PeopleRepository, token_hash
from hub.places.repository import PlaceRepository
from hub.readings.repository import ReadingRepository
from hub.readings.retention import RetentionRule, set_retention
from hub.removals.model import RemovalKind, RemovalRequest
from hub.removals.repository import RemovalRepository
from hub.rollouts.model import Rollout, RolloutOptions, SettingsTarget
from hub.rollouts.plan import begin
from hub.rollouts.repository import RolloutRepository
from hub.searches.repository import SearchRepository
from hub.sites.repository import SiteRepository
from hub.tokens.repository import TokenRepository
from hub.wizards.machine import WizardProgress
from hub.wizards.repository import SavedProgress, WizardRepository
from tests.hub.database.bouncer import bouncer
from tests.hub.ingest.test_ingest import NOW, key, stored
from tests.hub.notifications.filled import notified
from tests.support.images import canned_image

NOWHERE = 10**9
GENERATED = pg.GeneratedAlways.sqlstate
DENIED = pg.InsufficientPrivilege.sqlstate

# Columns that hold lists and no JSON; and small values, which are JSON of any kind.
ARRAYS = {("token", "scopes"), ("packed_day", "small_changes")}
VALUES = ("key_value", "value")


async def fill(store: Database, tenant: str, prefix: str) -> None:
    """At least a row in every table."""
    await store.ensure_tenant(tenant)
    await stored(store, [
        Reading(key(f"{prefix}{n}"), float(n), NOW - timedelta(hours=3)) for n in range(3)
    ], tenant)  # fmt: skip
    await stored(store, [
        Reading(key(f"{prefix}0"), 1.0, NOW.replace(year=2014)),
        Reading(key(f"{prefix}1"), 1.0, NOW - timedelta(hours=2), Identity(f"{prefix}boot", 1)),
    ], tenant)  # fmt: skip
    await IntakeRepository(store.of(tenant), settled=lambda: False).store([
        Reading(
            key(f"{prefix}0"), 3.0, NOW - timedelta(hours=1), clock=ClockReference(prefix, 1.0),
            source=AS_SENT,
        ),
    ])  # fmt: skip
    await DeviceRepository(store.of(tenant)).report(f"{prefix}0", {"battery_mv": 2000}, NOW, 9)
    await SettingsRepository(store.of(tenant)).change(
        f"{prefix}0", lambda _: ({"interval": 9}, {"wifi": {"key": prefix}}), who="ann", why="test"
    )
    await KeyValueStore(store.of(tenant), "homekit").save("aid", {f"{prefix}0": 2})
    await AccountRepository(store).create(Account(tenant, f"{prefix}0", "$7$", AccountState.ACTIVE))
    await ReadingRepository(store.of(tenant)).calibrate(key(f"{prefix}0"), gain=2)
    await set_retention(store.of(tenant), RetentionRule(30))
    await WizardRepository(store.of(tenant), prefix).save(
        "add", SavedProgress(), WizardProgress({"at": {"x": 1}})
    )
    await TokenRepository(store).make(tenant, f"{prefix} script", {Scope.READ}, "ann", None)
    await SearchRepository(store.of(tenant), 0).save(prefix, "$.a", "ann", shared=True)
    await notified(store.of(tenant), prefix, NOW)
    number = ord(prefix)
    facts = {
        "name": prefix, "number": number, "place": None, "site_endpoint": "", "by": "ann",
        "hub_key": "k" * 44, "site_key": prefix * 44, "endpoint": "home.example.org:1",
        "hub_address": f"10.86.{number}.1", "site_address": f"10.86.{number}.2",
    }  # fmt: skip
    await SiteRepository(store.of(tenant)).add(facts, [ip_network(f"10.{number}.0.0/16")], [])
    await FirmwareRepository(store.of(tenant)).add(canned_image(f"1.0.{ord(prefix)}"))
    rollouts = RolloutRepository(store.of(tenant))
    name = f"{prefix}0"
    rollout = Rollout(0, SettingsTarget(changes={"interval": 9}), RolloutOptions(), NOW)
    devices, history = begin(rollout, await rollouts.baselines([name]), NOW)
    await rollouts.add(rollout, devices, history)
    await MuteRepository(store.of(tenant)).mute(key(f"{prefix}0"), "jump", None, "ann")
    await RemovalRepository(store.of(tenant)).begin(
        RemovalRequest(RemovalKind.DEVICE, f"{prefix}8", None, None, None, "ann")
    )
    await ImportRepository(store.of(tenant)).begin(f"{prefix}.csv", "csv", "ann")
    hooks = HookRepository(store.of(tenant))
    new = NewHook(name=prefix, source=HookSource.GITHUB, repository="https://example.org/x")
    hook = await hooks.add(new, prefix, "ann")
    await hooks.queue(hook, "ann", delivery=(prefix.encode(), prefix))
    places = PlaceRepository(store.of(tenant))
    home = await places.add(f"{prefix} home")
    async with store.of(tenant).transaction() as conn:
        await conn.execute("SELECT dormouse.ensure_partition('2026-01-01Z')")
        await conn.execute(
            "INSERT INTO dormouse.reading (series_id, at, value) "
            "SELECT min(id), '2026-01-01Z', 1 FROM dormouse.series"
        )
        await conn.execute(
            "SELECT dormouse.pack_days(min(id), '2026-01-01Z', '2026-01-02Z', 1) "
            "FROM dormouse.series"
        )
        await conn.execute(
            "INSERT INTO dormouse.day_bin (series_id, zone, start, until, n, seconds) SELECT "
            "min(id), 'UTC', '2026-01-01Z', '2026-01-02Z', 0, 0 FROM dormouse.series"
        )
    room = await places.add(f"{prefix} room", home)
    people = PeopleRepository(store)
    await people.invite(tenant, token_hash(f"{prefix}1"), Role.READER, timedelta(days=1))
    assert await people.join_as_new(token_hash(f"{prefix}1"), f"{prefix} ann", "argon")
    await people.invite(tenant, token_hash(prefix), Role.READER, timedelta(days=1))
    async with TenantSessions(store) as sessions, sessions.tenant(tenant) as session:
        device = DeviceRow(key=f"{prefix}9", name="x", location_id=home)
        session.add(device)
        await session.flush()
        async with device.clock_tick(Activity("ann", prefix)):
            device.location_id = room


@pytest.fixture
async def two(store: Database) -> Database:
    await fill(store, "a", "a")
    await fill(store, "b", "b")
    return store


@asynccontextmanager
async def as_tenant(url: str, number: int | None):
    """A transaction of the application's role that is always rolled back."""
    async with (
        await psycopg.AsyncConnection.connect(url, prepare_threshold=None) as conn,
        conn.transaction(force_rollback=True),
    ):
        if number is not None:
            await conn.execute("SELECT set_config('dormouse.tenant', %s, true)", [str(number)])
        yield conn


@pytest.fixture(params=["direct", "bouncer"])
async def app_url(request, two: Database, server, database, server_folder: Path):
    if request.param == "direct":
        yield database.app_url
    else:
        async with bouncer(server, database, server_folder) as url:
            yield url


def tenant_column(table: str) -> str:
    return "id" if table == "tenant" else "tenant_id"


async def everything(admin) -> dict[str, list[tuple]]:
    found = {}
    for table in TABLES:
        query = sql.SQL("SELECT * FROM dormouse.{} AS t ORDER BY t::text").format(
            sql.Identifier(table)
        )
        found[table] = await (await admin.execute(query)).fetchall()
    return found


async def attempt(conn, statement: sql.Composable, values: object = None) -> tuple[str, int]:
    """('', rows) or (what the error tells: its state and constraint, 0)."""
    try:
        async with conn.transaction(force_rollback=True):
            done = await conn.execute(statement, values)
            return "", done.rowcount
    except psycopg.Error as error:
        return f"{error.sqlstate} {error.diag.constraint_name or ''}".strip(), 0


async def columns_of(admin, table: str) -> list[str]:
    rows = await admin.execute(
        """SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0
           AND NOT attisdropped AND attgenerated = '' ORDER BY attnum""",
        [f"dormouse.{table}"],
    )
    return [row[0] for row in await rows.fetchall()]


async def foreign_columns(admin, table: str) -> dict[str, str]:
    """Columns that refer to rows of tenants, and the table they refer to."""
    rows = await admin.execute(
        """SELECT a.attname, c.confrelid::regclass::text FROM pg_constraint c
           JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
           WHERE c.conrelid = %s::regclass AND c.contype = 'f' AND a.attname <> 'tenant_id'""",
        [f"dormouse.{table}"],
    )
    found = {name: of.removeprefix("dormouse.") for name, of in await rows.fetchall()}
    # A reading's foreign key is that of `latest`, written by the same statement.
    return found | ({"series_id": "series"} if table == "reading" else {})


async def test_no_table_lets_anything_through(app_url: str, database, two: Database):
    a, b = await two.tenant_id("a"), await two.tenant_id("b")
    async with await psycopg.AsyncConnection.connect(database.admin_url, autocommit=True) as admin:
        before = await everything(admin)
        for table in TABLES:
            name, column = sql.Identifier(table), sql.Identifier(tenant_column(table))
            shapes = {"t": name, "c": column}
            rows = [
                dict(zip(await columns_of(admin, table), row, strict=False))
                for row in before[table]
            ]
            own = [row for row in rows if row[tenant_column(table)] == a]
            other = [row for row in rows if row[tenant_column(table)] == b]
            assert own, f"{table} has no row of tenant a to test with"
            assert other, f"{table} has no row of tenant b to test with"
            async with as_tenant(app_url, a) as conn:
                seen = await (
                    await conn.execute(
                        sql.SQL("SELECT count(*), count(*) FILTER (WHERE {c} <> %s) "
                                "FROM dormouse.{t}").format(**shapes), [a]
                    )
                ).fetchone()  # fmt: skip
                assert seen == (len(own), 0), table
                await writes(conn, table, own, other, a, b)
                await references(conn, admin, table, own, other)
            async with as_tenant(app_url, None) as conn:
                query = sql.SQL("SELECT count(*) FROM dormouse.{t}").format(**shapes)
                assert await (await conn.execute(query)).fetchone() == (0,), table
                told, n = await insert(conn, table, own[0])
                assert told.startswith(DENIED), (table, told, n)
                assert n == 0
        assert await everything(admin) == before


async def insert(conn, table: str, row: dict) -> tuple[str, int]:
    statement = sql.SQL("INSERT INTO dormouse.{} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(sql.Placeholder() * len(row)),
    )
    values = [
        Jsonb(v)
        if (isinstance(v, dict | list) and (table, c) not in ARRAYS) or (table, c) == VALUES
        else v
        for c, v in row.items()
    ]
    return await attempt(conn, statement, values)


async def writes(conn, table: str, own: list, other: list, a: int, b: int) -> None:
    column = sql.Identifier(tenant_column(table))
    name = sql.Identifier(table)
    # A row of the other tenant, whether it is there already or not, tells nothing.
    told, _ = await insert(conn, table, other[0])
    assert told == DENIED, (table, told)
    for statement in (
        "UPDATE dormouse.{t} SET {c} = {c} WHERE {c} = {b}",
        "DELETE FROM dormouse.{t} WHERE {c} = {b}",
    ):
        query = sql.SQL(statement).format(t=name, c=column, b=sql.Literal(b))
        told, n = await attempt(conn, query)
        # A number the database gives is not to be set, whoever asks.
        assert (told, n) in (("", 0), (DENIED, 0), (GENERATED, 0)), (table, told, n)
        told, n = await attempt(
            conn, sql.SQL(statement.split(" WHERE")[0]).format(t=name, c=column)
        )
        assert n in (0, len(own)), (table, statement, told, n)
    # Its own rows cannot be handed over.
    query = sql.SQL("UPDATE dormouse.{} SET {} = {}").format(name, column, sql.Literal(b))
    told, n = await attempt(conn, query)
    assert told, (table, "rows were handed over")
    for statement in ("TRUNCATE dormouse.{}", "LOCK TABLE dormouse.{} IN ACCESS EXCLUSIVE MODE"):
        told, _ = await attempt(conn, sql.SQL(statement).format(name))
        assert told == DENIED or "LOCK" in statement, (table, told)
    _ = a


async def references(conn, admin, table: str, own: list, other: list) -> None:
    """Naming another tenant's row is answered as naming none at all."""
    for column, parent in (await foreign_columns(admin, table)).items():
        theirs = next((r[column] for r in other if r.get(column) is not None), None)
        mine = next((r for r in own if r.get(column) is not None), None)
        if theirs is None or mine is None or parent in GLOBAL:
            continue
        fresh = {k: v for k, v in mine.items() if k != "id"}
        answers = {
            (await insert(conn, table, {**fresh, column: number}))[0]
            for number in (theirs, NOWHERE)
        }
        assert len(answers) == 1, (table, column, answers)
        assert answers != {""}, (table, column)
        update = sql.SQL("UPDATE dormouse.{} SET {} = %s").format(
            sql.Identifier(table), sql.Identifier(column)
        )
        answers = {(await attempt(conn, update, [number]))[0] for number in (theirs, NOWHERE)}
        assert len(answers) == 1, (table, column, answers)
        assert answers != {""}, (table, column)


async def test_names_and_numbers_of_another_tenant_are_free(database, two: Database):
    """No unique error tells that another tenant has something."""
    a, b = await two.tenant_id("a"), await two.tenant_id("b")
    async with await psycopg.AsyncConnection.connect(database.admin_url, autocommit=True) as admin:
        before = await everything(admin)
        for table in TABLES:
            if table == "tenant":
                continue
            columns = await columns_of(admin, table)
            foreign = await foreign_columns(admin, table)
            rows = [dict(zip(columns, row, strict=False)) for row in before[table]]
            own = next(row for row in rows if row["tenant_id"] == a)
            for other in (row for row in rows if row["tenant_id"] == b):
                # The other's row in all but what must refer to something of one's own.
                taken = {**other, "tenant_id": a, **{c: own[c] for c in foreign if c in own}}
                async with as_tenant(database.app_url, a) as conn:
                    told, _ = await insert(conn, table, taken)
                if told and not told.startswith(DENIED):
                    # Its like must be one's own then.
                    assert told.startswith(("23505", "23P01")), (table, told)
                    assert foreign, (table, told)


async def test_what_else_could_tell(database, two: Database):
    a = await two.tenant_id("a")
    async with as_tenant(database.app_url, a) as conn:
        rows = await conn.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'dormouse'::regnamespace "
            "AND (relispartition OR relkind = 'S') AND relkind <> 'i'"
        )
        hidden = [row[0] for row in await rows.fetchall()]
        assert any(name.startswith("reading_2") for name in hidden)
        for name in [*hidden, *(GLOBAL.keys() - {"alembic_version"})]:
            told, _ = await attempt(
                conn, sql.SQL("SELECT * FROM dormouse.{}").format(sql.Identifier(name))
            )
            assert told == DENIED, name
        stats = await conn.execute("SELECT count(*) FROM pg_stats WHERE schemaname = 'dormouse'")
        assert await stats.fetchone() == (0,)
        # Functions that run as the owner are bound as well.
        for statement in (
            "SELECT * FROM dormouse.devices_where('$.battery_mv > 0', true)",
            "SELECT * FROM dormouse.expire(true)",
            "SELECT * FROM dormouse.calibrated",
            "SELECT * FROM dormouse.kept",
            "SELECT * FROM dormouse.device_as_of(now())",
            "SELECT * FROM dormouse.members()",
            "SELECT * FROM dormouse.device_changes(NULL, '-infinity', 'infinity')",
        ):
            text = str(await (await conn.execute(statement)).fetchall())
            assert "'b" not in text, statement
        for statement in (
            "SELECT dormouse.next_ticks(ARRAY[1], false)",
            "SELECT dormouse.recompute_rollups(s, NULL) FROM generate_series(1, 20) s",
            "SELECT dormouse.release_broker_user('b0')",
        ):
            await attempt(conn, sql.SQL(statement))
    assert await two.tenants() == ["a", "b", "home"]
    assert (await AccountRepository(two).find("b0")).tenant == "b"


async def test_a_reading_for_a_series_of_another_tenant_is_refused(database, two: Database):
    async with await psycopg.AsyncConnection.connect(database.admin_url) as admin:
        row = await admin.execute(
            "SELECT min(id) FROM dormouse.series WHERE tenant_id = %s", [await two.tenant_id("b")]
        )
        theirs = (await row.fetchone())[0]
    for number in (theirs, NOWHERE):
        async with as_tenant(database.app_url, await two.tenant_id("a")) as conn:
            with pytest.raises(pg.ForeignKeyViolation):
                await conn.execute(
                    "INSERT INTO dormouse.reading (series_id, at, value) VALUES (%s, now(), 1)",
                    [number],
                )


async def test_operators_ask_a_list_of_tenants_and_no_more(two: Database):
    rows = await two.rows(["a", "b"], "SELECT count(*)::int AS n FROM dormouse.device")
    assert rows == [{"tenant": "a", "n": 4}, {"tenant": "b", "n": 4}]
    assert await two.rows([], "SELECT 1 AS n") == []
