"""History of models that nobody of ours wrote: inheritance, names and kinds of tables."""

import pytest
import sqlalchemy
from sqlalchemy.exc import IntegrityError

from hub.database.bulk import upsert_rows_at_once
from hub.database.errors import HistoryModelError
from hub.database.history import Temporal, clock_tick
from tests.hub.database.history.scenarios import (
    Base,
    Boat,
    Book,
    Car,
    Odd,
    Parted,
    Town,
    Vehicle,
)


def test_what_an_abstract_class_tracks_each_table_below_it_does(session):
    car, boat, town = Car(name="a", doors=2), Boat(name="b", sails=1), Town(name="c")
    session.add_all([car, boat, town])
    session.commit()
    with clock_tick(car, boat, town):
        car.name, car.doors, boat.name, town.name = "aa", 4, "bb", "cc"
    session.commit()
    assert [list(one.name_history) for one in (car, boat, town)] == [
        ["a", "aa"], ["b", "bb"], ["c", "cc"]
    ]  # fmt: skip
    assert list(car.doors_history) == [2, 4]
    assert (boat.vclock, boat.then(1).name) == (2, "b")
    assert set(session.scalars(sqlalchemy.select(Vehicle))) == {car, boat}
    with pytest.raises(HistoryModelError, match="no history of its own"):
        Vehicle.as_of(1)


def test_a_joined_table_with_another_name_for_the_key_carries_what_the_first_has(session):
    book = Book(owner=7, title="a", pages=1)
    session.add(book)
    session.commit()
    with clock_tick(book):
        book.title, book.pages = "b", 2
    session.commit()
    assert (list(book.title_history), list(book.pages_history)) == (["a", "b"], [1, 2])
    assert (book.vclock, book.then(1).pages) == (2, 1)
    rows = session.connection().exec_driver_sql("SELECT owner FROM scenarios.book_pages_history")
    assert {row.owner for row in rows} == {7}


def test_any_name_of_a_column_will_do_and_bulk_changes_too(session):
    odd = Odd(group=1, end='x"y', order="a", row_=1, token="t", at=1, tick=1)
    session.add(odd)
    session.commit()
    with clock_tick(odd):
        odd.order, odd.row_, odd.token, odd.at, odd.tick = "b", 2, "u", 2, 2
    session.commit()
    for name in ("order", "row_", "token", "at", "tick", "twice"):
        assert len(getattr(odd, f"{name}_history")) == 2, name
    assert list(odd.twice_history) == [2, 4]
    before = odd.then(1)
    assert (before.at, before.tick, before.clock_tick) == (1, 1, 1)
    # By SQLAlchemy's own connection, which has its own ways to send values.
    driver = session.connection().connection.driver_connection
    rows = [{"Group": 1, "end": end, 'order "by"': end} for end in ('x"y', "new")]
    changed = upsert_rows_at_once(
        driver, 'scenarios."Select ""x"""', rows, key=("Group", "end")
    )  # fmt: skip
    assert {one.key[1]: one.before for one in changed} == {
        'x"y': {'order "by"': "b"}, "new": None
    }  # fmt: skip
    session.commit()
    assert list(odd.order_history) == ["a", "b", 'x"y']


def test_rows_of_a_partition_are_written_by_way_of_the_whole_table(session):
    connection = session.connection()
    connection.exec_driver_sql(
        "CREATE TABLE scenarios.parted_a PARTITION OF scenarios.parted FOR VALUES IN ('a')"
    )
    parted = Parted(region="a", value=1)
    session.add(parted)
    session.flush()
    with clock_tick(parted):
        parted.value = 2
    assert list(parted.value_history) == [1, 2]
    for statement in (
        "UPDATE scenarios.parted_a SET value = 3",
        "DELETE FROM scenarios.parted_a",
        "INSERT INTO scenarios.parted_a VALUES ('a', 3)",
    ):
        with pytest.raises(IntegrityError, match="by way of the whole"), session.begin_nested():
            session.execute(sqlalchemy.text(statement))
    # Partitions that were made after the triggers, below another one too.
    connection.exec_driver_sql(
        "CREATE TABLE scenarios.parted_b PARTITION OF scenarios.parted FOR VALUES IN ('b') "
        "PARTITION BY LIST (region);"
        "CREATE TABLE scenarios.parted_bb PARTITION OF scenarios.parted_b FOR VALUES IN ('b')"
    )
    # Whoever reads a new one while writing is not kept from it; the next who writes is enough.
    connection.exec_driver_sql(
        "INSERT INTO scenarios.parted (region, value) SELECT region || 'b', value "
        "FROM scenarios.parted WHERE region = 'none'"
    )
    session.add(Parted(region="b", value=1))
    session.flush()
    for table in ("parted", "parted_a", "parted_b", "parted_bb", "parted_clock",
                  "parted_value_history", "parted_clock, scenarios.parted_a CASCADE"):  # fmt: skip
        with pytest.raises(IntegrityError, match="parted: "), session.begin_nested():
            session.execute(sqlalchemy.text(f"TRUNCATE scenarios.{table}"))


def test_what_is_computed_when_it_is_read_is_refused():
    with pytest.raises(HistoryModelError, match="persisted=True"):

        class Wrong(Base, Temporal):
            __tablename__ = "wrongly_computed"
            track = ("twice",)
            id: sqlalchemy.orm.Mapped[int] = sqlalchemy.orm.mapped_column(primary_key=True)
            twice: sqlalchemy.orm.Mapped[int] = sqlalchemy.orm.mapped_column(
                sqlalchemy.Computed("id * 2")
            )

    Base.metadata.remove(Base.metadata.tables["scenarios.wrongly_computed"])
