"""Rows that are kept for a time, in tables of this test's own."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Column, Integer, MetaData, Table

from hub.database.errors import ExpiryError
from hub.database.expiry import keep_for_functions, keep_for_statement
from hub.database.postgres import OWNER

OLD = "now() - interval '9 days'"


@pytest.fixture
async def app(server):
    """A database that knows nothing of the hub, with the functions in a schema of its own."""
    found = server.database("kept")
    await server._execute("CREATE DATABASE {} OWNER {}", found.name, OWNER)
    with psycopg.connect(found.owner_url, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA expiry")
        conn.execute(keep_for_functions("expiry"))
    yield found
    await server.drop(found.name)


@pytest.fixture
def conn(app):
    with psycopg.connect(app.owner_url, autocommit=True) as found:
        yield found


LONE = (
    "CREATE TRIGGER k BEFORE INSERT OR UPDATE ON note FOR EACH ROW "
    "EXECUTE FUNCTION expiry.keep_for('1 day')"
)
TABLES = {
    "plain": "id integer PRIMARY KEY, n integer, updated_at timestamptz",
    "json": "id integer PRIMARY KEY, n integer, updated_at timestamptz, said json DEFAULT '[1]'",
    "no key": "id integer, n integer, updated_at timestamptz, said json DEFAULT '{}'",
    "days": "id integer PRIMARY KEY, n integer, updated_at date",
    "generated": "id integer PRIMARY KEY, n integer, updated_at timestamp, "
    "twice integer GENERATED ALWAYS AS (n * 2) STORED",
}


def install(conn, way: str) -> None:
    conn.execute(LONE if way == "by hand" else keep_for_statement(
        "note", timedelta(days=1), functions="expiry"))  # fmt: skip


def notes(conn) -> list[tuple[int, int]]:
    return conn.execute("SELECT id, n FROM note ORDER BY id").fetchall()


@pytest.mark.parametrize("columns", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("way", ["by hand", "installed"])
def test_expired_rows_go_whenever_one_is_written_and_that_one_never(conn, columns, way):
    conn.execute(f"CREATE TABLE note ({columns})")
    install(conn, way)
    insert = f"INSERT INTO note (id, n, updated_at) VALUES (%s, 0, {OLD})"
    conn.execute(insert, [1])
    assert notes(conn) == [(1, 0)]
    conn.execute(insert, [2])
    assert notes(conn) == [(2, 0)]
    conn.execute("INSERT INTO note (id, n) VALUES (3, 0)")
    assert notes(conn) == [(3, 0)]
    # Expired rows that a statement updates itself, several at once, are fresh then.
    with conn.transaction():
        conn.execute("ALTER TABLE note DISABLE TRIGGER USER")
        conn.execute(f"INSERT INTO note (id, n, updated_at) SELECT g, 0, {OLD} "
                     "FROM generate_series(4, 8) AS g")  # fmt: skip
        conn.execute("ALTER TABLE note ENABLE TRIGGER USER")
    conn.execute("UPDATE note SET n = 1 WHERE id IN (4, 5, 6)")
    assert notes(conn) == [(3, 0), (4, 1), (5, 1), (6, 1)]
    fresh = "SELECT count(*) FROM note WHERE updated_at >= now() - interval '1 day'"
    assert conn.execute(fresh).fetchone() == (4,)
    # What is said of the time counts, and is not taken away by the statement that says it.
    conn.execute(f"UPDATE note SET updated_at = {OLD}")
    assert len(notes(conn)) == 4
    conn.execute("INSERT INTO note (id, n) VALUES (9, 0)")
    assert notes(conn) == [(9, 0)]


def test_an_upsert_of_expired_rows_keeps_what_it_does_not_say(conn):
    conn.execute("CREATE TABLE note (shop text, id integer, n integer, hint text, "
                 "updated_at timestamptz DEFAULT now(), PRIMARY KEY (shop, id))")  # fmt: skip
    conn.execute(f"INSERT INTO note SELECT 'a', g, 0, 'kept', {OLD} FROM generate_series(1, 4) g")
    conn.execute("INSERT INTO note SELECT 'b', g, 0, 'b' FROM generate_series(1, 2) g")
    install(conn, "installed")
    conn.execute("INSERT INTO note (shop, id, n) VALUES ('a', 1, 5), ('a', 2, 5), ('c', 1, 5) "
                 "ON CONFLICT (shop, id) DO UPDATE SET n = excluded.n")  # fmt: skip
    found = conn.execute("SELECT shop, id, n, hint FROM note ORDER BY 1, 2").fetchall()
    assert found == [
        ("a", 1, 5, "kept"), ("a", 2, 5, "kept"), ("b", 1, 0, "b"), ("b", 2, 0, "b"),
        ("c", 1, 5, None),
    ]  # fmt: skip


def test_within_one_transaction_and_after_a_savepoint_that_was_given_up(conn):
    conn.execute("CREATE TABLE note (id integer PRIMARY KEY, n integer, updated_at timestamptz)")
    install(conn, "installed")
    with conn.transaction():
        for number in (1, 2):
            conn.execute(f"INSERT INTO note VALUES ({number}, 0, {OLD})")
        assert notes(conn) == [(2, 0)]
        conn.execute("UPDATE note SET n = 1")
        assert notes(conn) == [(2, 1)]
    conn.execute("DROP TRIGGER keep_for_insert ON note")
    conn.execute("DROP TRIGGER keep_for_update ON note")
    conn.execute(f"UPDATE note SET updated_at = {OLD}")
    conn.execute("ALTER TABLE note DISABLE TRIGGER USER")
    conn.execute(f"INSERT INTO note SELECT g, 0, {OLD} FROM generate_series(3, 5) g")
    conn.execute("ALTER TABLE note ENABLE TRIGGER USER")
    with conn.transaction():
        with pytest.raises(ZeroDivisionError), conn.transaction():
            conn.execute("UPDATE note SET n = 2 WHERE id = 2")
            _ = 1 / 0
        conn.execute("UPDATE note SET n = 3 WHERE id = 3")
    assert notes(conn) == [(3, 3)]
    assert conn.execute("SELECT count(*) FROM expiry.expiring").fetchone() == (0,)


def test_by_a_column_of_another_name_which_updates_leave_alone(conn):
    conn.execute("CREATE TABLE note (id integer PRIMARY KEY, n integer, received_at timestamptz)")
    conn.execute(keep_for_statement("note", "1 day", column="received_at", functions="expiry"))
    conn.execute("INSERT INTO note (id, n) VALUES (1, 0)")
    at = conn.execute("SELECT received_at FROM note").fetchone()
    assert at[0] is not None
    conn.execute("UPDATE note SET n = 1")
    assert conn.execute("SELECT received_at FROM note").fetchone() == at


def test_partitions_and_names_that_need_quotes(conn):
    conn.execute('CREATE SCHEMA "My app"')
    name = sql.Identifier("My app", 'Note "x"')
    conn.execute(sql.SQL("CREATE TABLE {} (id int, updated_at timestamptz, said json, "
                         "PRIMARY KEY (id, updated_at)) PARTITION BY RANGE (updated_at)")
                 .format(name))  # fmt: skip
    conn.execute(sql.SQL("CREATE TABLE part PARTITION OF {} DEFAULT").format(name))
    table = Table('Note "x"', MetaData(schema="My app"), Column("id", Integer))
    conn.execute(keep_for_statement(table, "1 day", functions="expiry"))
    for number in (1, 2):
        conn.execute(sql.SQL("INSERT INTO {} VALUES (%s, now() - interval '9 days')").format(name),
                     [number])  # fmt: skip
    assert conn.execute(sql.SQL("SELECT id FROM {}").format(name)).fetchall() == [(2,)]


def test_a_missing_index_is_advised(conn):
    notices: list[str] = []
    conn.add_notice_handler(lambda found: notices.append(found.message_primary))
    conn.execute("CREATE TABLE note (id integer PRIMARY KEY, updated_at timestamptz)")
    install_ = keep_for_statement("note", "1 day", functions="expiry")
    assert conn.execute(install_).fetchone() == ("CREATE INDEX ON public.note (updated_at)",)
    assert "every write looks for what is expired" in notices[0]
    conn.execute("CREATE INDEX ON note (updated_at)")
    # A second time: instead of the first.
    assert conn.execute(install_).fetchone() == (None,)
    triggers = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'note'::regclass ORDER BY 1"
    assert conn.execute(triggers).fetchall() == [
        ("keep_for",), ("keep_for_insert",), ("keep_for_update",)
    ]  # fmt: skip


WRONG = [
    ("note", "soon", None, "needs an interval"),
    ("note", "-1 day", None, "needs an interval"),
    ("note", "0", None, "needs an interval"),
    ("note", "", None, "needs an interval"),
    ("note", "1 day", "nowhere", "there is no nowhere"),
    ("note", "1 day", "n", "n is integer, not a time"),
    ("timeless", "1 day", None, "there is no updated_at"),
    ("seen", "1 day", None, "seen is no table"),
    ("foreign_note", "1 day", None, "may not delete its rows: GRANT SELECT, DELETE ON"),
]


def test_what_cannot_be_is_refused_when_it_is_installed(conn, app):
    conn.execute("CREATE TABLE note (id integer, n integer, updated_at timestamptz)")
    conn.execute("CREATE TABLE timeless (id integer)")
    conn.execute("CREATE VIEW seen AS SELECT * FROM note")
    with psycopg.connect(app.admin_url, autocommit=True) as admin:
        admin.execute("CREATE TABLE foreign_note (id integer, updated_at timestamptz)")
        admin.execute("GRANT TRIGGER ON foreign_note TO PUBLIC")
    for table, keep, column, said in WRONG:
        statement = keep_for_statement(table, keep, column=column, functions="expiry")
        with pytest.raises(psycopg.Error, match=said):
            conn.execute(statement)
    with pytest.raises(ExpiryError, match="small letters"):
        keep_for_functions("My app")


BY_HAND = [
    ("AFTER INSERT ON note FOR EACH ROW", "keep_for('1 day')", "must be BEFORE"),
    ("BEFORE INSERT ON note FOR EACH STATEMENT", "keep_for('1 day')", "must be BEFORE"),
    ("BEFORE INSERT ON note FOR EACH ROW", "keep_for()", "needs an interval"),
    ("BEFORE INSERT ON note FOR EACH ROW", "keep_for('soon')", "needs an interval"),
    ("BEFORE INSERT ON note FOR EACH ROW", "keep_for('1 day', 'no')", "there is no no"),
    ("BEFORE INSERT ON note FOR EACH ROW", "expire_rows('1 day')", "made by keep_rows_for"),
]


def test_a_trigger_made_wrongly_by_hand_says_so_at_the_first_row(conn):
    conn.execute("CREATE TABLE note (id integer, updated_at timestamptz)")
    for when, function, said in BY_HAND:
        conn.execute(f"CREATE TRIGGER k {when} EXECUTE FUNCTION expiry.{function}".encode())
        with pytest.raises(psycopg.Error, match=said):
            conn.execute("INSERT INTO note VALUES (1, now())")
        conn.execute("DROP TRIGGER k ON note")
