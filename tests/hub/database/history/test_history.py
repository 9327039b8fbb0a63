"""History of models of this test's own, by whatever way they change."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from hub.database.errors import HistoryModelError, RefusedValueError
from hub.database.history import Temporal, async_clock_tick, clock_tick, history_statements
from hub.database.postgres import OWNER
from hub.database.upgrade import engine_url
from tests.hub.database.history.friends import Base, Cat, Contract, Dog, Friend, Reason


@pytest.fixture
async def url(server):
    found = server.database("address_book")
    await server._execute("CREATE DATABASE {} OWNER {}", found.name, OWNER)
    engine = sqlalchemy.create_engine(engine_url(found.owner_url))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.schema.CreateSchema("address_book"))
        connection.exec_driver_sql("CREATE EXTENSION btree_gist")
        Base.metadata.create_all(connection)
    engine.dispose()
    yield engine_url(found.owner_url)
    await server.drop(found.name)


@pytest.fixture
def session(url):
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with Session(engine) as found:
        yield found
    engine.dispose()


def ranges(rows) -> list[tuple]:
    return [(one.ticks.lower, one.ticks.upper, one.value) for one in rows]


def friend(session: Session, **values: object) -> Friend:
    made = Friend(name="Ann", location="New York", **values)
    session.add(made)
    session.commit()
    return made


def test_the_talks_example(session):
    ann = friend(session)
    with clock_tick(ann):
        ann.location = "San Francisco"
    assert ann.location_history[0] == "New York"
    assert ann.location_history[1] == ann.location == "San Francisco"
    assert ranges(ann.location_ticks) == [(1, 2, "New York"), (2, None, "San Francisco")]
    assert ranges(ann.name_ticks) == [(1, None, "Ann")]
    assert [tick.tick for tick in ann.clock] == [1, 2]
    assert ann.clock[0].at < ann.clock[1].at


def test_a_block_that_changes_nothing_makes_no_tick_and_one_that_raises_none(session):
    ann = friend(session)
    with clock_tick(ann):
        pass
    with clock_tick(ann):
        ann.location = "New York"
        ann.name = "Ann"
    with clock_tick(ann):
        ann.shoes = 40  # not tracked
    with pytest.raises(ZeroDivisionError), clock_tick(ann):
        ann.location = "Rome"
        _ = 1 / 0
    assert ann.location == "New York"
    assert len(ann.clock) == 1
    with clock_tick(ann):
        ann.name, ann.location = "Anna", "Rome"
    assert len(ann.clock) == 2
    assert ranges(ann.name_ticks) == [(1, 2, "Ann"), (2, None, "Anna")]


def test_defaults_nulls_and_values_of_the_database_are_history_too(session):
    one = Friend(name="Bob")
    session.add(one)
    session.commit()
    assert one.location_history == ["nowhere"]
    with clock_tick(one):
        one.location = None
    with clock_tick(one):
        one.location = func.upper("rome")
    assert list(one.location_history) == ["nowhere", None, "ROME"]


@pytest.mark.parametrize("way", ["orm", "bulk", "by hand"])
def test_a_change_outside_a_tick_is_recorded_where_that_is_chosen(session, way):
    ann, bob = friend(session), friend(session)
    for place in ("Rome", "Oslo"):
        if way == "orm":
            ann.location = bob.location = place
        elif way == "bulk":
            session.execute(update(Friend).values(location=place))
        else:
            session.connection().exec_driver_sql(
                f"UPDATE address_book.friend SET location = '{place}'"
            )
        session.commit()
    for one in (ann, bob):
        assert ranges(one.location_ticks) == [
            (1, 2, "New York"), (2, 3, "Rome"), (3, None, "Oslo")
        ]  # fmt: skip


def contract(session: Session, number: int = 1) -> Contract:
    made = Contract(country="de", number=number, terms={"days": 30})
    session.add(made)
    with clock_tick(made, activity=Reason(why="signed")):
        pass
    session.commit()
    return made


@pytest.mark.parametrize(
    "statement",
    [
        update(Contract).values(terms={}),
        sqlalchemy.text("UPDATE address_book.contract SET terms = '{}'"),
        delete(Contract),
        sqlalchemy.text("DELETE FROM address_book.contract"),
        sqlalchemy.text("TRUNCATE address_book.contract"),
        insert(Contract).values(country="de", number=9),
        sqlalchemy.text("UPDATE address_book.contract SET number = 5"),
    ],
    ids=str,
)
def test_what_is_chosen_to_be_refused_is_refused_however_it_is_done(session, statement):
    signed = contract(session)
    assert signed.clock[0].activity_id is not None
    with pytest.raises(IntegrityError):
        session.execute(statement)
    session.rollback()
    assert len(signed.clock) == 1


def test_an_activity_over_several_entities_is_one_row(session):
    one, two = contract(session, 1), contract(session, 2)
    why = Reason(why="law")
    with clock_tick(one, two, activity=why):
        one.terms, two.terms = {"days": 10}, {"days": 20}
    session.commit()
    assert one.clock[-1].activity_id == two.clock[-1].activity_id == why.id
    assert session.scalar(select(func.count()).select_from(Reason)) == 3
    with clock_tick(one, activity=Reason(why="nothing")):
        pass
    assert session.scalar(select(func.count()).select_from(Reason)) == 3
    with pytest.raises(HistoryModelError, match="a tick needs an activity"), clock_tick(one):
        one.terms = {}
    session.rollback()
    ann, why = friend(session), Reason(why="x")
    with pytest.raises(HistoryModelError, match="no activities"), clock_tick(ann, activity=why):
        pass


def test_anothers_change_is_not_made_in_this_activity(session):
    ann, bob = friend(session), friend(session)
    bob.location = "Oslo"  # pending before the tick: its own
    with clock_tick(ann):
        ann.location = "Rome"
    session.commit()
    assert ann.clock[-1].token != bob.clock[-1].token
    with pytest.raises(HistoryModelError, match="another entity"), clock_tick(ann):
        ann.location, bob.location = "Paris", "Paris"


def test_a_removal_is_recorded_and_the_key_can_come_again(session):
    ann = friend(session)
    number = ann.id
    with clock_tick(ann):
        session.delete(ann)
    session.commit()
    session.connection().exec_driver_sql(
        f"INSERT INTO address_book.friend (id, name) OVERRIDING SYSTEM VALUE VALUES ({number}, 'A')"
    )
    session.commit()
    again = session.get(Friend, number)
    assert [(tick.tick, tick.deleted) for tick in again.clock] == [
        (1, False),
        (2, True),
        (3, False),
    ]
    assert ranges(again.name_ticks) == [(1, 2, "Ann"), (3, None, "A")]
    assert again.then(2) is None
    assert again.then(1).name == "Ann"


def test_as_of_an_instant_and_a_tick_on_entity_query_and_join(session):
    ann, bob = friend(session), friend(session)
    before = datetime(2000, 1, 1, tzinfo=UTC)
    with clock_tick(ann):
        ann.location = "Rome"
    session.commit()
    first, second = (tick.at for tick in ann.clock)
    assert [ann.then(when) and ann.then(when).location for when in (before, first, second)] == [
        None, "New York", "Rome"
    ]  # fmt: skip
    assert (ann.then(1).location, ann.then(2).location, ann.then(3)) == ("New York", "Rome", None)
    past = Friend.as_of(second)
    assert session.execute(select(past.c.id, past.c.location).order_by(past.c.id)).all() == [
        (ann.id, "Rome"), (bob.id, "New York")
    ]  # fmt: skip
    moved = select(Friend.id).join(past, past.c.id == Friend.id).where(past.c.location == "Rome")
    assert session.scalars(moved).all() == [ann.id]
    assert session.execute(select(Friend.as_of(2).c.id)).all() == [(ann.id,)]


def test_inheritance_has_one_clock(session):
    rex, tom = Dog(name="Rex", tricks=1), Cat(name="Tom", mood="bad")
    session.add_all([rex, tom])
    session.commit()
    with clock_tick(rex):
        rex.name, rex.tricks = "Max", 2
    with clock_tick(rex):
        rex.tricks = 3
    with clock_tick(tom):
        tom.mood = "good"
    session.commit()
    assert list(rex.name_history) == ["Rex", "Max"]
    assert ranges(rex.tricks_ticks) == [(1, 2, 1), (2, 3, 2), (3, None, 3)]
    assert len(rex.clock) == 3
    assert (list(tom.mood_history), list(tom.name_history)) == (["bad", "good"], ["Tom"])
    assert (rex.then(2).name, rex.then(2).tricks) == ("Max", 2)
    rex.tricks = 4
    with pytest.raises(IntegrityError, match="outside a tick"):
        session.flush()


def test_rows_that_were_there_begin_with_a_tick_when_history_does(session):
    ann = friend(session)
    connection = session.connection()
    for table in ("friend_clock", "friend_name_history", "friend_location_history"):
        connection.exec_driver_sql(f"DELETE FROM address_book.{table}")
    for statement in [*history_statements(Friend), *history_statements(Friend)]:
        connection.exec_driver_sql(statement.replace("%", "%%"))
    session.commit()
    assert ranges(ann.name_ticks) == [(1, None, "Ann")]
    assert len(ann.clock) == 1


async def test_asynchronous_sessions_and_ticks_at_once(url):
    engine = create_async_engine(url)
    async with AsyncSession(engine) as session, session.begin():
        session.add(Friend(name="Ann", location="0"))

    async def move(to: int) -> None:
        async with AsyncSession(engine) as session, session.begin():
            ann = (await session.scalars(select(Friend))).one()
            async with async_clock_tick(ann):
                ann.location = str(to)

    await asyncio.gather(*(move(n) for n in range(1, 9)))
    async with AsyncSession(engine) as session:
        ann = (await session.scalars(select(Friend))).one()
        ticks = await session.run_sync(lambda _: ranges(ann.location_ticks))
        clock = await session.run_sync(lambda _: [tick.at for tick in ann.clock])
    assert [lower for lower, _, _ in ticks] == list(range(1, 10))
    assert sorted(value for _, _, value in ticks) == [str(n) for n in range(9)]
    assert clock == sorted(set(clock))
    with pytest.raises(HistoryModelError):
        async with async_clock_tick(Friend()):
            pass
    await engine.dispose()


async def test_changes_of_both_tables_of_an_entity_at_once_are_two_ticks(url):
    engine = create_async_engine(url)
    async with AsyncSession(engine) as session, session.begin():
        session.add(Dog(name="Rex", tricks=1))

    async def teach() -> None:
        async with AsyncSession(engine) as second, second.begin():
            dog = (await second.scalars(select(Dog))).one()
            async with async_clock_tick(dog):
                dog.tricks = 2

    waits = sqlalchemy.text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with AsyncSession(engine) as first, engine.connect() as watch:
        rex = (await first.scalars(select(Dog))).one()
        async with async_clock_tick(rex):
            rex.name = "Max"
        taught = asyncio.create_task(teach())
        while not (await watch.execute(waits)).scalar() and not taught.done():
            await watch.rollback()  # its view of who waits is a transaction's
        await first.commit()
        await taught
    async with AsyncSession(engine) as session:
        rex = (await session.scalars(select(Dog))).one()
        assert await session.run_sync(lambda _: [tick.tick for tick in rex.clock]) == [1, 2, 3]
        assert await session.run_sync(lambda _: ranges(rex.tricks_ticks)) == [
            (1, 3, 1),
            (3, None, 2),
        ]
    await engine.dispose()


def test_a_model_that_tracks_what_it_has_not_is_refused():
    with pytest.raises(HistoryModelError, match="nothing is no column"):

        class Wrong(Base, Temporal):
            __tablename__ = "wrong"
            track = ("nothing",)
            id: sqlalchemy.orm.Mapped[int] = sqlalchemy.orm.mapped_column(primary_key=True)

    Base.metadata.remove(Base.metadata.tables["address_book.wrong"])


def test_refusals_are_typed(session):
    ann = friend(session)
    session.connection().exec_driver_sql("ALTER TABLE address_book.friend ADD CHECK (name <> 'x')")
    session.commit()
    with pytest.raises(RefusedValueError), clock_tick(ann):
        ann.name = "x"
