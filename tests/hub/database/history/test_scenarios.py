"""What temporal-sqlalchemy's own tests try, by our models; docs/origins.md says which is which."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import sqlalchemy
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.orm import Session

from hub.database.errors import HistoryModelError, RefusedValueError
from hub.database.history import Temporal, clock_tick
from hub.database.history.declared import shortened
from tests.hub.database.history.scenarios import (
    REALLY,
    Activity,
    Base,
    Concrete,
    ConcreteChild,
    Defaults,
    First,
    JoinedA,
    JoinedB,
    Long,
    Plain,
    Related,
    Relational,
    Second,
    Simple,
    Strict,
)

OLD = {
    "prop_a": 1, "prop_b": "foo", "prop_c": datetime(2016, 5, 11, 1, 2, 3, tzinfo=UTC),
    "prop_d": {"foo": "old"}, "prop_e": Range(date(2016, 1, 1), date(2016, 1, 10)),
    "prop_f": ["old", "stuff"],
}  # fmt: skip
NEW = {
    "prop_a": 2, "prop_b": "bar", "prop_c": datetime(2017, 5, 11, 1, 2, 3, tzinfo=UTC),
    "prop_d": {"foo": "new"}, "prop_e": Range(date(2016, 2, 1), date(2016, 2, 10)),
    "prop_f": ["new", "stuff"],
}  # fmt: skip


def kept(session: Session, entity: Temporal) -> Temporal:
    session.add(entity)
    session.commit()
    return entity


def ranges(rows) -> list[tuple]:
    return [(one.ticks.lower, one.ticks.upper, one.value) for one in rows]


def test_tables_and_columns_are_named_for_what_they_hold(session):
    inspected = sqlalchemy.inspect(session.connection())
    tables = inspected.get_table_names(schema="scenarios")
    assert {"simple_clock", *(f"simple_prop_{one}_history" for one in "abcdef")} <= set(tables)
    assert "plain_clock" not in tables

    def columns(table):
        return [one["name"] for one in inspected.get_columns(table, schema="scenarios")]

    assert columns("simple_clock")[:3] == ["id", "tick", "at"]
    assert columns("with_activity_2_clock")[:4] == ["number", "name", "tick", "at"]
    assert columns("with_activity_2_column_history") == ["number", "name", "ticks", "value"]
    keys = inspected.get_foreign_keys("with_activity_1_clock", schema="scenarios")
    assert [key["referred_table"] for key in keys] == ["activity"]
    assert inspected.get_foreign_keys("simple_clock", schema="scenarios") == []
    primary = inspected.get_pk_constraint("with_activity_2_clock", schema="scenarios")
    assert primary["constrained_columns"] == ["number", "name", "tick"]


def test_a_creation_is_tick_1_with_a_value_of_each_property(session):
    simple = kept(session, Simple(**OLD))
    assert (simple.vclock, len(simple.clock)) == (1, 1)
    assert simple.date_created == simple.date_modified == simple.clock[0].at
    for name, value in OLD.items():
        assert ranges(getattr(simple, f"{name}_ticks")) == [(1, None, value)], name
        assert list(getattr(simple, f"{name}_history")) == [getattr(simple, name)]


def test_values_of_every_type_change_within_a_tick(session):
    simple = kept(session, Simple(**OLD))
    with simple.clock_tick():
        for name, value in NEW.items():
            if name != "prop_d":
                setattr(simple, name, value)
        simple.prop_d["foo"] = "new"  # within the value
    session.commit()
    assert (simple.vclock, [tick.tick for tick in simple.clock]) == (2, [1, 2])
    assert (simple.date_created, simple.date_modified) == tuple(t.at for t in simple.clock)
    for name, old in OLD.items():
        expected = [(1, 2, old), (2, None, NEW[name])]
        assert ranges(getattr(simple, f"{name}_ticks")) == expected, name


def test_every_edit_adds_a_row_and_the_same_value_none(session):
    simple = kept(session, Simple(**OLD))
    for number in (2, 3):
        with simple.clock_tick():
            simple.prop_a, simple.prop_b = number, f"bar{number}"
        session.commit()
    with simple.clock_tick():
        simple.prop_a, simple.prop_c, simple.prop_d = 3, OLD["prop_c"], {"foo": "old"}
    session.commit()
    assert simple.vclock == 3
    assert ranges(simple.prop_a_ticks) == [(1, 2, 1), (2, 3, 2), (3, None, 3)]
    assert list(simple.prop_b_history) == ["foo", "bar2", "bar3"]
    assert len(simple.prop_c_ticks) == len(simple.prop_d_ticks) == 1


def test_defaults_of_every_kind_have_a_history(session):
    made = kept(session, Defaults(prop_a=1))
    assert (made.constant, made.called) == (10, "a value here")
    for name in Defaults.track:
        assert ranges(getattr(made, f"{name}_ticks")) == [(1, None, getattr(made, name))], name
    with made.clock_tick():
        made.prop_a = 2
    session.commit()
    # What the database puts there at an UPDATE is a change as any other.
    assert ranges(made.touched_ticks) == [(1, 2, None), (2, None, made.touched)]
    assert len(made.server_ticks) == 1


@pytest.mark.parametrize("write", ["flush", "commit"])
def test_a_change_outside_a_tick_is_refused_where_that_is_chosen(session, write):
    strict = kept(session, Strict(prop_a=1))
    with strict.clock_tick():
        strict.prop_a = 1
    getattr(session, write)()  # nothing changed
    strict.prop_a = 2
    with pytest.raises(DBAPIError, match="changed outside a tick"):
        getattr(session, write)()
    session.rollback()
    # Nor can it be written from within the block before its end.
    with pytest.raises(DBAPIError, match="changed outside a tick"), strict.clock_tick():
        strict.prop_a = 3
        getattr(session, write)()
    session.rollback()
    assert ranges(strict.prop_a_ticks) == [(1, None, 1)]


@pytest.mark.parametrize("write", ["flush", "commit"])
def test_a_change_outside_a_tick_is_recorded_otherwise(session, write):
    simple = kept(session, Simple(**OLD))
    with simple.clock_tick():
        simple.prop_a = 2
        getattr(session, write)()
    simple.prop_a = 3
    getattr(session, write)()
    session.commit()
    assert next(iter(simple.prop_a_history)) == 1
    assert ranges(simple.prop_a_ticks)[-1] == (simple.vclock, None, 3)


def test_of_changes_in_one_transaction_the_last_counts(session):
    simple = Simple(prop_a=1234)
    session.add(simple)
    simple.prop_a = 1000
    session.flush()
    simple.prop_a = 4567
    session.commit()
    assert (ranges(simple.prop_a_ticks), simple.vclock) == ([(1, None, 4567)], 1)


def test_a_savepoint_that_is_rolled_back_leaves_nothing(session):
    outer = Simple(prop_a=5678)
    session.add(outer)
    session.flush()
    with session.begin_nested() as inner:
        gone = Simple(prop_a=1234)
        session.add(gone)
        session.flush()
        inner.rollback()
    with session.begin_nested():
        stays = Simple(prop_a=4321)
        session.add(stays)
    session.commit()
    assert ranges(outer.prop_a_ticks) == [(1, None, 5678)]
    assert ranges(stays.prop_a_ticks) == [(1, None, 4321)]
    clocks = session.execute(sqlalchemy.text("SELECT count(*) FROM scenarios.simple_clock"))
    values = session.execute(
        sqlalchemy.text("SELECT count(*) FROM scenarios.simple_prop_a_history WHERE value = 1234")
    )
    assert (clocks.scalar_one() >= 2, values.scalar_one()) == (True, 0)


def test_sessions_do_not_see_each_others_ticks(engine, session):
    simple = kept(session, Simple(**OLD))
    with Session(engine) as second:
        simple.prop_a = 2
        session.flush()  # not committed: a tick of the first session's transaction
        same = second.get(Simple, simple.id)
        assert (same.prop_a, same.vclock) == (1, 1)
    session.commit()
    assert simple.vclock == 2


def test_what_is_not_tracked_has_no_history_and_any_session_will_do(session):
    plain = Plain(prop_a=1)
    session.add(plain)
    session.commit()
    plain.prop_a = 2
    session.commit()
    assert not hasattr(plain, "clock")


def test_several_rows_and_models_in_one_transaction(session):
    simple = [Simple(prop_a=n) for n in range(3)]
    defaults = Defaults(prop_a=9)
    session.add_all([*simple, defaults])
    session.commit()
    assert [ranges(one.prop_a_ticks) for one in simple] == [[(1, None, n)] for n in range(3)]
    assert ranges(defaults.prop_a_ticks) == [(1, None, 9)]


def created(session: Session, why: str, *entities: Temporal) -> Activity:
    activity = Activity(description=why)
    session.add_all(entities)
    with clock_tick(*entities, activity=activity):
        pass
    session.commit()
    return activity


def test_an_activity_is_needed_and_on_the_tick_of_creation_and_edit(session):
    session.add(First(column=1))
    with pytest.raises(DBAPIError, match="a tick needs an activity"):
        session.commit()
    session.rollback()
    first = First(column=1)
    create = created(session, "create", first)
    with pytest.raises(HistoryModelError, match="needs an activity"), first.clock_tick():
        first.column = 2
    edit = Activity(description="edit")
    with first.clock_tick(activity=edit):
        first.column = 2
    session.commit()
    assert [tick.activity_id for tick in first.clock] == [create.id, edit.id]
    # The same activity twice is two ticks of it.
    with first.clock_tick(edit):
        first.column = 3
    session.commit()
    assert [tick.activity_id for tick in first.clock] == [create.id, edit.id, edit.id]


def test_an_activity_of_several_entities_is_one(session):
    entities = First(column=1), Second(number=1, name="x", column=1)
    create, edit = created(session, "create", *entities), Activity(description="edit")
    with clock_tick(*entities, activity=edit):
        for one in entities:
            one.column = 2
    session.commit()
    for one in entities:
        assert [tick.activity_id for tick in one.clock] == [create.id, edit.id]


def test_a_relationship_is_tracked_by_its_key(session):
    one, other = Related(), Related()
    session.add_all([one, other])
    session.flush()
    with_it, without = Relational(prop_a=1, rel=one), Relational(prop_a=1)
    session.add_all([with_it, without])
    session.commit()
    with with_it.clock_tick():
        with_it.rel = other
    with without.clock_tick():
        without.rel = other
    session.commit()
    assert ranges(with_it.rel_id_ticks) == [(1, 2, one.id), (2, None, other.id)]
    assert ranges(without.rel_id_ticks) == [(1, 2, None), (2, None, other.id)]
    with with_it.clock_tick():
        with_it.rel = None
    session.commit()
    assert list(with_it.rel_id_history) == [one.id, other.id, None]
    assert len(with_it.prop_a_ticks) == 1


def test_a_concrete_table_has_its_own_clock(session):
    above, below = kept(session, Concrete(prop_a=1)), ConcreteChild(prop_a=1, prop_b="foo")
    kept(session, below)
    with below.clock_tick():
        below.prop_a, below.prop_b = 2, "bar"
    session.commit()
    assert (above.vclock, below.vclock) == (1, 2)
    assert ranges(below.prop_a_ticks) == [(1, 2, 1), (2, None, 2)]
    assert ranges(below.prop_b_ticks) == [(1, 2, "foo"), (2, None, "bar")]
    assert below.then(1).prop_b == "foo"
    assert ranges(above.prop_a_ticks) == [(1, None, 1)]


@pytest.mark.parametrize(
    ("model", "first", "second"),
    [(JoinedA, "foo", "foobar"), (JoinedA, "foobar", "foo"), (JoinedB, "bar", "barfoo")],
)
def test_enumerations_of_joined_tables(session, model, first, second):
    made = kept(session, model(val=first))
    with made.clock_tick():
        made.val = second
    session.commit()
    assert ranges(made.val_ticks) == [(1, 2, first), (2, None, second)]


def test_a_tick_is_there_once_and_rows_are_not_removed_where_that_is_chosen(session):
    strict = kept(session, Strict(prop_a=1))
    again = sqlalchemy.text(
        "INSERT INTO scenarios.strict_clock SELECT * FROM scenarios.strict_clock"
    )
    with pytest.raises(IntegrityError):
        session.execute(again)
    session.rollback()
    with pytest.raises((DBAPIError, RefusedValueError), match="not removed"):
        session.delete(strict)
        session.commit()
    session.rollback()


def test_names_beyond_63_bytes(session):
    long = kept(session, Long(column=1, other=5))
    with long.clock_tick():
        long.column = 2
    session.commit()
    assert (long.vclock, list(long.column_history), list(long.other_history)) == (2, [1, 2], [5])
    past = Long.as_of(1)
    column, other = Long.track
    assert session.execute(
        sqlalchemy.select(past.c[column], past.c[other]).where(past.c.id == long.id)
    ).all() == [(1, 5)]
    tables = sqlalchemy.inspect(session.connection()).get_table_names(schema="scenarios")
    ours = [name for name in tables if name.startswith(f"testing_a_{REALLY}")]
    assert len(ours) == 4  # the clock, two histories and itself: none has another's name
    assert all(len(name.encode()) <= 63 for name in ours)
    assert shortened("x" * 63) == "x" * 63
    assert len({shortened("é" * 40 + end) for end in "abc"}) == 3


def test_before_it_is_stored_it_has_no_clock():
    with pytest.raises(HistoryModelError, match="not in the database yet"):
        _ = Simple(prop_a=1).vclock
    with pytest.raises((HistoryModelError, StatementError)), Simple(prop_a=1).clock_tick():
        pass


def test_a_model_that_is_declared_wrongly_is_refused():
    with pytest.raises(HistoryModelError, match="prop_z is no column"):

        class Wrong(Base, Temporal):
            __tablename__ = "wrong"
            track = ("prop_z",)
            id = sqlalchemy.orm.mapped_column(sqlalchemy.Integer, primary_key=True)

    Base.metadata.remove(Base.metadata.tables["scenarios.wrong"])
