"""Trees in tables of this test's own: read in one query, and never a circle."""

from __future__ import annotations

import random
import threading

import psycopg
import pytest
import sqlalchemy
from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Integer, MetaData, Table, Text
from sqlalchemy.orm import registry

from hub.database.errors import CycleError, TreeModelError
from hub.database.postgres import OWNER
from hub.database.refusals import refusal
from hub.database.trees import tree_query, tree_statements
from hub.database.upgrade import engine_url
from tests.support import seeds

METADATA = MetaData(schema="garden")
NODE = Table(
    "node", METADATA, Column("id", Integer, primary_key=True, autoincrement=False),
    Column("parent_id", Integer, ForeignKey("garden.node.id", onupdate="CASCADE")),
    Column("name", Text, nullable=False),
)  # fmt: skip
BRANCH = Table(
    "Branch", METADATA,
    Column("owner", Text, primary_key=True), Column("key", Text, primary_key=True),
    Column("above", Text), Column("size", Integer),
    ForeignKeyConstraint(["owner", "above"], ["garden.Branch.owner", "garden.Branch.key"]),
)  # fmt: skip


@pytest.fixture
async def url(server):
    found = server.database("garden")
    await server._execute("CREATE DATABASE {} OWNER {}", found.name, OWNER)
    engine = sqlalchemy.create_engine(engine_url(found.owner_url))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.schema.CreateSchema("garden"))
        METADATA.create_all(connection)
        for statement in (
            *tree_statements(NODE),
            *tree_statements(BRANCH, parent=("owner", "above")),
        ):
            connection.exec_driver_sql(statement.replace("%", "%%"))
    engine.dispose()
    yield found.owner_url
    await server.drop(found.name)


@pytest.fixture
def conn(url):
    with psycopg.connect(url, autocommit=True) as found:
        yield found


def tree(conn) -> list:
    return conn.execute(tree_query(NODE, ("name",))).fetchone()[0]


def add(conn, *rows: tuple[int, int | None, str]) -> None:
    with conn.cursor() as cursor:
        cursor.executemany("INSERT INTO garden.node VALUES (%s, %s, %s)", rows)


def test_roots_in_an_array_and_null_below_leaves(conn):
    assert tree(conn) == []
    add(conn, (1, None, "house"), (2, None, "beach house"), (3, 1, "upstairs"), (4, 1, "kitchen"),
        (5, 3, "bath"))  # fmt: skip
    assert tree(conn) == [
        {"name": "beach house", "children": None},
        {"name": "house", "children": [
            {"name": "kitchen", "children": None},
            {"name": "upstairs", "children": [{"name": "bath", "children": None}]},
        ]},
    ]  # fmt: skip


class Named:
    """The same table, with other names for its columns."""


registry().map_imperatively(
    Named, NODE, properties={"above": NODE.c.parent_id, "title": NODE.c.name}
)


def test_columns_may_be_called_as_a_models_attributes_are(conn):
    add(conn, (1, None, "a"), (2, 1, "b"))
    query = tree_query(Named, ("title",), parent=("above",))
    assert conn.execute(query).fetchone()[0] == [
        {"title": "a", "children": [{"title": "b", "children": None}]}
    ]
    assert tree_statements(Named, parent=("above",)) == tree_statements(NODE)


def test_any_forest_200_deep_too(conn):
    seed = seeds.seed()
    rng = random.Random(seed)
    rows = [(n, n - 1 or None, f"n{n:03}") for n in range(1, 202)]
    rows += [(n, rng.choice([None, rng.randrange(1, n)]), f"n{n:03}") for n in range(202, 300)]
    add(conn, *rows)

    def reference(above: int | None) -> list | None:
        here = [
            {"name": name, "children": reference(number)}
            for number, parent, name in rows
            if parent == above
        ]
        return here or None

    assert tree(conn) == reference(None)


def test_keys_of_two_columns_other_columns_and_another_order(conn):
    with conn.cursor() as cursor:
        cursor.executemany('INSERT INTO garden."Branch" VALUES (%s, %s, %s, %s)', [
            ("ann", "a", None, 1), ("ann", "b", "a", 3), ("ann", "c", "a", 2),
            ("bob", "a", None, 9), ("bob", "b", "a", 4),
        ])  # fmt: skip
    query = tree_query(
        BRANCH, ("owner", "key", "size"), parent=("owner", "above"), order_by=("size",)
    )
    assert conn.execute(query).fetchone()[0] == [
        {"owner": "ann", "key": "a", "size": 1, "children": [
            {"owner": "ann", "key": "c", "size": 2, "children": None},
            {"owner": "ann", "key": "b", "size": 3, "children": None},
        ]},
        {"owner": "bob", "key": "a", "size": 9, "children": [
            {"owner": "bob", "key": "b", "size": 4, "children": None},
        ]},
    ]  # fmt: skip
    with pytest.raises(psycopg.errors.CheckViolation, match=r"Branch \(ann,a\) cannot lie below"):
        conn.execute("""UPDATE garden."Branch" SET above = 'c' WHERE key = 'a' AND owner = 'ann'""")


CIRCLES = {
    "itself": "UPDATE garden.node SET parent_id = 1 WHERE id = 1",
    "below": "UPDATE garden.node SET parent_id = 3 WHERE id = 1",
    "inserted below itself": "INSERT INTO garden.node VALUES (9, 9, 'x')",
    "inserted in a ring": "INSERT INTO garden.node VALUES (8, 9, 'x'), (9, 8, 'y')",
    "several at once": "UPDATE garden.node SET parent_id = 5 - id WHERE id IN (2, 3)",
    "with one beside the ring": "UPDATE garden.node SET parent_id = CASE id WHEN 1 THEN 2 "
    "WHEN 2 THEN 1 ELSE 1 END WHERE id IN (1, 2, 4)",
    "by an upsert": "INSERT INTO garden.node VALUES (1, NULL, 'x') "
    "ON CONFLICT (id) DO UPDATE SET parent_id = 3",
    "from a query": "UPDATE garden.node AS n SET parent_id = m.id FROM garden.node AS m "
    "WHERE n.id = 1 AND m.id = 2",
    "merged": "MERGE INTO garden.node AS n USING (VALUES (1, 2)) AS v(id, above) ON n.id = v.id "
    "WHEN MATCHED THEN UPDATE SET parent_id = v.above",
}


@pytest.mark.parametrize("statement", CIRCLES.values(), ids=CIRCLES)
def test_a_circle_is_refused_by_whatever_way(conn, statement):
    add(conn, (1, None, "a"), (2, 1, "b"), (3, 2, "c"), (4, None, "d"))
    before = tree(conn)
    with pytest.raises(psycopg.errors.CheckViolation) as caught:
        conn.execute(statement)
    assert caught.value.diag.constraint_name == "node_is_a_tree"
    assert isinstance(refusal(caught.value), CycleError)
    assert tree(conn) == before


def test_a_circle_is_refused_by_copy_and_by_a_trigger_that_moves(conn):
    add(conn, (1, None, "a"), (2, 1, "b"))
    with (
        pytest.raises(psycopg.errors.CheckViolation),
        conn.cursor().copy("COPY garden.node FROM STDIN") as copy,
    ):
        copy.write("8\t9\tx\n9\t8\ty\n")
    conn.execute("CREATE FUNCTION garden.move() RETURNS trigger LANGUAGE plpgsql AS "
                 "'BEGIN NEW.parent_id := 2; RETURN NEW; END'")  # fmt: skip
    conn.execute("CREATE TRIGGER move BEFORE UPDATE OF name ON garden.node FOR EACH ROW "
                 "EXECUTE FUNCTION garden.move()")  # fmt: skip
    with pytest.raises(psycopg.errors.CheckViolation):
        conn.execute("UPDATE garden.node SET name = 'z' WHERE id = 1")


def test_moves_that_are_none_are_let_be(conn):
    add(conn, (1, None, "a"), (2, 1, "b"), (3, 2, "c"), (4, None, "d"))
    conn.execute("UPDATE garden.node SET parent_id = 4 WHERE id = 2")
    # Turned around as a whole there is no circle.
    conn.execute("UPDATE garden.node SET parent_id = CASE id WHEN 4 THEN 3 WHEN 3 THEN NULL "
                 "ELSE parent_id END WHERE id IN (3, 4)")  # fmt: skip
    conn.execute("UPDATE garden.node SET id = 40 WHERE id = 4")
    assert tree(conn) == [
        {"name": "a", "children": None},
        {"name": "c", "children": [
            {"name": "d", "children": [{"name": "b", "children": None}]}]},
    ]  # fmt: skip


@pytest.mark.parametrize("isolation", psycopg.IsolationLevel)
def test_opposed_moves_at_once_close_no_circle(url, conn, isolation):
    add(conn, (1, None, "a"), (2, None, "b"))
    refused: list[psycopg.Error] = []
    both = threading.Barrier(2)

    def move(what: int, below: int) -> None:
        with psycopg.connect(url) as mine:
            mine.isolation_level = isolation
            mine.execute("SELECT count(*) FROM garden.node")
            both.wait(60)
            try:
                mine.execute("UPDATE garden.node SET parent_id = %s WHERE id = %s", [below, what])
                mine.commit()
            except psycopg.Error as error:
                refused.append(error)

    movers = [threading.Thread(target=move, args=pair) for pair in ((1, 2), (2, 1))]
    for mover in movers:
        mover.start()
    for mover in movers:
        mover.join()
    assert len(refused) == 1
    if isolation.name.startswith("READ"):
        assert isinstance(refused[0], psycopg.errors.CheckViolation)
    (root,) = tree(conn)
    assert len(root["children"]) == 1


def test_what_is_no_tree_already_is_refused_when_it_is_installed(conn):
    conn.execute("DROP TRIGGER refuse_cycle_insert ON garden.node")
    conn.execute("INSERT INTO garden.node VALUES (1, NULL, 'a'), (8, 9, 'x'), (9, 8, 'y')")
    with pytest.raises(psycopg.errors.CheckViolation, match=r"garden.node is no tree"):
        for statement in tree_statements(NODE):
            conn.execute(statement)
    with pytest.raises(TreeModelError, match=r"\(parent_id\) cannot name \(owner, key\)"):
        tree_statements(BRANCH)
    with pytest.raises(TreeModelError, match="it has no column 'colour'"):
        tree_query(NODE, ("colour",))
