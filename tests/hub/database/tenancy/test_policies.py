"""What a tenant can read and write of the models' tables, in a real database."""

import uuid
from dataclasses import replace

import pytest
from psycopg import errors as pg

from hub.database.errors import ForeignRowError
from hub.database.refusals import typed
from hub.database.tenancy.declaration import Clause, OwnKey, TableName, TableTenancy
from hub.database.tenancy.drift import drift
from hub.database.tenancy.facts import record
from hub.database.tenancy.policy import Policy
from hub.database.tenancy.protection import Protection, protect, protection, unprotect
from tests.hub.database.tenancy import school

ROWS = """
INSERT INTO campus.school (id, name) VALUES ({n}, 's{n}');
INSERT INTO campus.year (id, school_id) VALUES ({n}0, {n});
INSERT INTO campus.class (id, year_id) VALUES ({n}1, {n}0), ({n}2, {n}0);
INSERT INTO campus.pupil (id, school_id) VALUES ({n}3, {n}), ({n}4, {n});
INSERT INTO campus.enrolment (class_id, pupil_id) VALUES ({n}1, {n}3);
INSERT INTO campus.mark (id, class_id, pupil_id, points) VALUES ({n}5, {n}1, {n}3, 9);
INSERT INTO campus.note (id, class_id) VALUES ({n}6, {n}1);
INSERT INTO campus.note (id, class_id, pupil_id) VALUES ({n}8, {n}1, {n}3);
INSERT INTO campus.poster (id, school_id, public) VALUES ({n}7, {n}, true), ({n}8, {n}, false);
INSERT INTO campus.lesson (id, class_id) VALUES ({n}9, {n}1);
"""
TABLES = ("school", "year", "class", "pupil", "enrolment", "mark", "note", "lesson")


@pytest.fixture
async def campus(made):
    found = await made(school.Base)
    for n in (1, 2):
        async with found.of(n) as conn:
            await conn.execute(ROWS.format(n=n).encode())
    return found


async def count(conn, table: str, where: str = "true") -> int:
    query = f"SELECT count(*) FROM {table} WHERE {where}"
    return (await (await conn.execute(query.encode())).fetchone())[0]


async def test_a_tenant_sees_its_rows_through_every_chain_and_nobody_sees_none(campus):
    async with campus.of(1) as conn:
        seen = {table: await count(conn, f"campus.{table}") for table in TABLES}
    assert seen == {"school": 1, "year": 1, "class": 2, "pupil": 2, "enrolment": 1, "mark": 1,
                    "note": 2, "lesson": 1}  # fmt: skip
    for nobody in ((), ("",), ("99",)):
        async with campus.of(*nobody) as conn:
            assert {await count(conn, f"campus.{table}") for table in TABLES} == {0}


@pytest.mark.parametrize(
    "statement",
    [
        # Two parents: each of them is another school's once, and both.
        "INSERT INTO campus.enrolment (class_id, pupil_id) VALUES (21, 13)",
        "INSERT INTO campus.enrolment (class_id, pupil_id) VALUES (11, 23)",
        "INSERT INTO campus.enrolment (class_id, pupil_id) VALUES (21, 23)",
        "UPDATE campus.enrolment SET class_id = 21",
        "UPDATE campus.enrolment SET pupil_id = 23",
        # By a composite key.
        "INSERT INTO campus.mark (id, class_id, pupil_id, points) VALUES (0, 21, 23, 1)",
        # One of two that may be missing, or neither.
        "INSERT INTO campus.note (id, class_id, pupil_id) VALUES (0, 21, 13)",
        "INSERT INTO campus.note (id, class_id, pupil_id) VALUES (0, 11, 23)",
        "INSERT INTO campus.note (id, class_id, pupil_id) VALUES (0, NULL, NULL)",
        "UPDATE campus.note SET class_id = NULL",
        # Directly, and by the table itself.
        "INSERT INTO campus.year (id, school_id) VALUES (0, 2)",
        "UPDATE campus.year SET school_id = 2",
        "UPDATE campus.pupil SET friend_id = 23",
        "INSERT INTO campus.class (id, year_id, above_id) VALUES (0, 10, 21)",
        "INSERT INTO campus.class (id, year_id, above_id) VALUES (0, 10, 4711)",
        # Into a table that has the key, filled by a trigger: no lie helps.
        "INSERT INTO campus.lesson (id, class_id) VALUES (0, 21)",
        "INSERT INTO campus.lesson (id, class_id, school_id) VALUES (0, 21, 1)",
        "INSERT INTO campus.lesson (id, class_id, pupil_id) VALUES (0, 11, 23)",
        "UPDATE campus.lesson SET class_id = 21",
        "UPDATE campus.lesson SET pupil_id = 23",
        "INSERT INTO campus.school (id, name) VALUES (3, 'mine')",
    ],
)
async def test_another_tenants_row_is_not_named(campus, statement):
    async with campus.of(1, kept=False) as conn:
        with pytest.raises(ForeignRowError), typed():
            await conn.execute(statement.encode())


async def test_that_a_row_is_anothers_cannot_be_told_from_that_it_is_not_there(campus):
    told = []
    for friend in (23, 4711):
        async with campus.of(1, kept=False) as conn:
            with pytest.raises(pg.InsufficientPrivilege) as refused:
                await conn.execute("UPDATE campus.pupil SET friend_id = %s", [friend])
            told.append(str(refused.value))
    assert told[0] == told[1]


async def test_ones_own_rows_are_written_with_friends_made_in_the_same_statement(campus):
    async with campus.of(1) as conn:
        await conn.execute(
            "INSERT INTO campus.pupil (id, school_id, friend_id) "
            "VALUES (101, 1, 102), (102, 1, 101)"
        )
        await conn.execute("UPDATE campus.lesson SET school_id = 2, pupil_id = 101")
        assert await count(conn, "campus.lesson", "school_id = 1 AND pupil_id = 101") == 1
        done = await conn.execute("DELETE FROM campus.mark")
        assert done.rowcount == 1


async def test_a_clause_of_ones_own_holds_for_its_command_alone(campus):
    async with campus.of(1) as conn:
        assert await count(conn, "campus.poster", "school_id = 2") == 1
        assert await count(conn, "campus.poster", "school_id = 1") == 2
        assert (await conn.execute("UPDATE campus.poster SET public = false")).rowcount == 2
        assert (await conn.execute("DELETE FROM campus.poster")).rowcount == 0
        with pytest.raises(pg.InsufficientPrivilege):
            await conn.execute("INSERT INTO campus.poster (id, school_id, public) "
                               "VALUES (0, 2, true)")  # fmt: skip


async def test_a_partition_that_is_asked_by_its_own_name_shows_nothing(campus):
    async with campus.owner() as conn, conn.transaction(force_rollback=True):
        await conn.execute(
            "CREATE TABLE campus.visit (day integer, school_id integer) PARTITION BY LIST (day); "
            "CREATE TABLE campus.one PARTITION OF campus.visit FOR VALUES IN (1); "
            "CREATE TABLE campus.more PARTITION OF campus.visit DEFAULT PARTITION BY LIST (day); "
            "CREATE TABLE campus.rest PARTITION OF campus.more DEFAULT; "
            "INSERT INTO campus.visit VALUES (1, 1), (2, 1), (2, 2); "
        )
        visit = TableTenancy(TableName("campus", "visit"), (OwnKey(("school_id",)),))
        for statement in protect(protection(visit, campus.declared.setting)):
            await conn.execute(statement)
        # The owner too is bound: row-level security is forced.
        await conn.execute("SELECT set_config('campus.school', '1', true)")
        assert [await count(conn, f"campus.{name}") for name in ("visit", "one", "rest")] == [
            2, 0, 0
        ]  # fmt: skip


async def test_what_all_share_has_no_policy(campus):
    async with campus.owner() as conn:
        await conn.execute("INSERT INTO campus.subject (id, name) VALUES (1, 'music')")
    async with campus.of() as conn:
        assert await count(conn, "campus.subject") == 1


async def test_other_keys_and_the_schema_without_a_name(made):
    shop = await made(school.UuidBase)
    mine, yours = uuid.uuid4(), uuid.uuid4()
    for n, one in enumerate((mine, yours)):
        async with shop.of(one) as conn:
            await conn.execute("INSERT INTO customer (id) VALUES (%s)", [one])
            await conn.execute('INSERT INTO "order" (id, customer_id) VALUES (%s, %s)', [n, one])
            await conn.execute("INSERT INTO line (order_id, number) VALUES (%s, 1)", [n])
    async with shop.of(mine) as conn:
        assert [await count(conn, table) for table in ("customer", '"order"', "line")] == [1, 1, 1]
        with pytest.raises(pg.InsufficientPrivilege):
            await conn.execute("INSERT INTO line (order_id, number) VALUES (1, 2)")
    async with shop.owner() as conn:
        declared = shop.declared
        found = [one for one in await drift(conn, declared) if "granted" not in str(one)]
        assert [one for one in found if "policy" in one.what] == []


async def test_a_tenants_key_may_have_several_columns(made):
    bank = await made(school.RegionBase)
    for region, number in (("north", 1), ("north", 2), ("south", 1)):
        async with bank.of(region, number) as conn:
            await conn.execute("INSERT INTO branch (region, number) VALUES (%s, %s)",
                               [region, number])  # fmt: skip
            await conn.execute(
                "INSERT INTO desk (id, region, branch) VALUES (%s, %s, %s)",
                [number + 10 * len(region) + ord(region[0]), region, number],
            )
    async with bank.of("north", 1) as conn:
        assert await count(conn, "desk") == 1
        with pytest.raises(pg.InsufficientPrivilege):
            await conn.execute("UPDATE desk SET region = 'south'")
    async with bank.of("north") as conn:
        assert await count(conn, "desk") == 0


async def test_a_declaration_says_of_its_database_that_it_is_as_declared(campus):
    async with campus.owner() as conn:
        allowed = await record(conn, campus.declared)
        declared = replace(campus.declared, allowed=allowed)
        assert [str(one) for one in await drift(conn, declared)] == []
        # Nothing that was asked is left behind.
        path = await (await conn.execute("SHOW search_path")).fetchone()
        assert path == ('"$user", public',)
    async with campus.of() as conn:
        assert [str(one) for one in await drift(conn, declared)] == []
    async with campus.owner() as conn:
        await conn.execute("ALTER POLICY tenant_select ON campus.poster USING (true)")
        await conn.execute('DROP TRIGGER "Check_tenant" ON campus.pupil')
        await conn.execute("ALTER TABLE campus.lesson DISABLE TRIGGER tenant_fill")
        found = [str(one) for one in await drift(conn, declared)]
    assert found[0].startswith("lesson: trigger tenant_fill is CREATE TRIGGER tenant_fill BEFORE")
    assert found[0].endswith("(not enabled as usual)")
    assert found[1:3] == [
        "poster: policy tenant_select USING true",
        "pupil: has no trigger Check_tenant",
    ]


async def test_a_clause_by_hand_is_compared_by_postgres(campus):
    """Who may make no temporary table is told that it differs from what it was made of."""
    name, clause = TableName("campus", "poster"), "NOT public AND id BETWEEN 1 AND 9 OR {tenant}"
    tenancy = TableTenancy(name, (OwnKey(("school_id",)),), clauses={"ALL": Clause(clause)})
    async with campus.owner() as conn:
        for statement in protect(protection(tenancy, campus.declared.setting)):
            await conn.execute(statement)

        async def found(owner: bool) -> list[str]:
            tables = tuple(one for one in campus.declared.tables if one.table != name)
            declared = replace(campus.declared, tables=(*tables, tenancy))
            async with campus.owner() if owner else campus.of() as asking:
                return [str(one) for one in await drift(asking, declared) if "policy" in one.what]

        await conn.commit()
        assert await found(True) == []
        await conn.execute("ALTER POLICY tenant ON campus.poster USING "
                           "(NOT public AND (id BETWEEN 1 AND 9 OR school_id = 1))")  # fmt: skip
        await conn.commit()
        assert [one[:27] for one in await found(True)] == ["poster: policy tenant USING"]


async def test_a_filled_key_follows_its_parents(campus):
    """As who sees past policies: within them no row leaves its tenant."""
    async with campus.owner() as conn:
        for table in ("year", "class", "lesson", "school", "pupil"):
            await conn.execute(f"ALTER TABLE campus.{table} DISABLE ROW LEVEL SECURITY".encode())
        assert await count(conn, "campus.lesson", "school_id = 1") == 1
        await conn.execute("UPDATE campus.year SET school_id = 2 WHERE id = 10")
        assert await count(conn, "campus.lesson", "school_id = 2") == 2
        await conn.execute("INSERT INTO campus.year (id, school_id) VALUES (30, 1)")
        await conn.execute("UPDATE campus.class SET year_id = 30 WHERE id = 11")
        assert await count(conn, "campus.lesson", "school_id = 1") == 1


async def test_rows_that_were_there_are_filled_and_protection_can_be_taken_away(made):
    campus = await made(school.Base, protected=False)
    async with campus.owner() as conn:
        await conn.execute("ALTER TABLE campus.lesson ALTER school_id DROP NOT NULL")
        await conn.execute(ROWS.format(n=1).encode())
        await conn.execute(ROWS.format(n=2).encode())
        declared = campus.declared
        protections = [protection(one, declared.setting) for one in declared.tables]
        for one in protections:
            for statement in [*protect(one), *protect(one)]:  # they may be run again
                await conn.execute(statement)
    async with campus.of(2) as conn:
        assert await count(conn, "campus.lesson", "school_id = 2") == 1
    async with campus.owner() as conn:
        for one in protections:
            for statement in [*unprotect(one), *unprotect(one)]:
                await conn.execute(statement)
        rows = await (await conn.execute(
            "SELECT (SELECT count(*) FROM pg_policy), "
            "(SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal), "
            "(SELECT count(*) FROM pg_class WHERE relrowsecurity OR relforcerowsecurity), "
            "(SELECT count(*) FROM pg_proc WHERE pronamespace = 'campus'::regnamespace)"
        )).fetchone()  # fmt: skip
        assert rows == (0, 0, 0, 0)
        assert await count(conn, "campus.lesson") == 2


async def test_policies_for_a_role_and_those_that_restrict(campus):
    """What `Policy` can say goes into the database as it says."""
    name = campus.declared.tables[0].table
    policies = (
        Policy("tenant", using="true", check="true"),
        Policy("tenant_select", "SELECT", using="id > 11", roles=("dormouse_hub",),
               permissive=False),
    )  # fmt: skip
    async with campus.owner() as conn:
        for statement in protect(Protection(name, policies)):
            await conn.execute(statement)
    async with campus.of() as conn:
        assert await count(conn, "campus.class") == 3
