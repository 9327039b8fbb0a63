"""Implied relations of models of this test's own, in every form; brute force says what is right."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy
from sqlalchemy import event, func, select
from sqlalchemy.dialects.postgresql import INT4RANGE, Range
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    aliased,
    configure_mappers,
    joinedload,
    mapped_column,
    selectinload,
    subqueryload,
)

from hub.database.errors import ImpliedRelationError
from hub.database.implied import implied
from hub.database.postgres import OWNER
from hub.database.upgrade import engine_url
from tests.hub.database.implied.work import (
    Base,
    Block,
    Bracket,
    Call,
    Employee,
    EmploymentPeriod,
    Income,
    Shift,
    Stay,
    Ticket,
)
from tests.support import seeds

DAY = date(2026, 3, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def url(server):
    found = server.database("work")
    await server._execute("CREATE DATABASE {} OWNER {}", found.name, OWNER)
    engine = sqlalchemy.create_engine(engine_url(found.owner_url))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.schema.CreateSchema("work"))
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


def days(first: int | None, last: int | None) -> Range[date]:
    return Range(
        None if first is None else DAY + timedelta(first),
        None if last is None else DAY + timedelta(last),
    )


def employed(session: Session) -> None:
    """Three employees; periods, one of which never ends, with gaps; shifts within and without."""
    seed = seeds.seed()
    rng = random.Random(seed)
    employees = [Employee() for _ in range(3)]
    session.add_all(employees)
    session.flush()
    for one in employees:
        first, last, again = sorted(rng.sample(range(100), 3))
        for period in (days(first, last), days(again, None)):
            session.add(EmploymentPeriod(employee_id=one.id, valid_period=period))
        for _ in range(8):
            day = DAY + timedelta(rng.randrange(-10, 110))
            session.add(Shift(employee_id=one.id, date=day))
        # The bounds themselves, and a shift of no day.
        for day in (DAY + timedelta(first), DAY + timedelta(last), None):
            session.add(Shift(employee_id=one.id, date=day))
    session.commit()


def belongs(shifts, periods) -> dict[Shift, EmploymentPeriod | None]:
    return {
        s: next(
            (
                p
                for p in periods
                if p.employee_id == s.employee_id and s.date and p.valid_period.contains(s.date)
            ),
            None,
        )
        for s in shifts
    }


FORMS = {
    "by instance": (
        lambda one, _two: Shift.employment_period == one, lambda p, one, _two: p is one),
    "by key": (
        lambda one, _two: Shift.employment_period == one.id, lambda p, one, _two: p is one),
    "by a list of instances": (
        lambda one, two: Shift.employment_period.in_([one, two]),
        lambda p, one, two: p in (one, two)),
    "by a list of keys": (
        lambda one, two: Shift.employment_period.in_([one.id, two.id]),
        lambda p, one, two: p in (one, two)),
    "by a list of both": (
        lambda one, two: Shift.employment_period.in_((one, two.id)),
        lambda p, one, two: p in (one, two)),
    "by an empty list": (
        lambda _one, _two: Shift.employment_period.in_([]), lambda _p, _one, _two: False),
    "by a query of keys": (
        lambda one, _two: Shift.employment_period.in_(
            select(EmploymentPeriod.id).where(EmploymentPeriod.id == one.id)),
        lambda p, one, _two: p is one),
    "none": (
        lambda _one, _two: Shift.employment_period == None,  # noqa: E711
        lambda p, _one, _two: p is None),
    "is none": (
        lambda _one, _two: Shift.employment_period.is_(None), lambda p, _one, _two: p is None),
    "is not none": (
        lambda _one, _two: Shift.employment_period.is_not(None), lambda p, _one, _two: bool(p)),
    "not that instance": (
        lambda one, _two: Shift.employment_period != one, lambda p, one, _two: p is not one),
    "not that key": (
        lambda one, _two: Shift.employment_period != one.id, lambda p, one, _two: p is not one),
    "not none": (
        lambda _one, _two: Shift.employment_period != None,  # noqa: E711
        lambda p, _one, _two: bool(p)),
    "none of a list": (
        lambda one, two: Shift.employment_period.not_in([one, two.id]),
        lambda p, one, two: p not in (one, two)),
    "by what it says": (
        lambda _one, _two: Shift.employment_period.has(
            func.upper_inf(EmploymentPeriod.valid_period)),
        lambda p, _one, _two: p is not None and p.valid_period.upper is None),
}  # fmt: skip

REVERSE = {
    "contains an instance": (
        lambda a, _b: EmploymentPeriod.shifts.contains(a), lambda of, a, _b: a in of),
    "contains a key": (
        lambda a, _b: EmploymentPeriod.shifts.contains(a.id), lambda of, a, _b: a in of),
    "contains several": (
        lambda a, b: EmploymentPeriod.shifts.contains([a, b.id]),
        lambda of, a, b: a in of and b in of),
    "contains one of several": (
        lambda a, b: EmploymentPeriod.shifts.in_([a, b]), lambda of, a, b: a in of or b in of),
    "has some": (lambda _a, _b: EmploymentPeriod.shifts.any(), lambda of, _a, _b: bool(of)),
    "has none": (
        lambda _a, _b: EmploymentPeriod.shifts == None,  # noqa: E711
        lambda of, _a, _b: not of),
}  # fmt: skip


def test_every_form_is_what_brute_force_finds(session):
    employed(session)
    shifts = session.scalars(select(Shift)).all()
    periods = session.scalars(select(EmploymentPeriod)).all()
    where = belongs(shifts, periods)
    assert set(map(bool, where.values())) == {True, False}
    for shift in shifts:
        assert shift.employment_period is where[shift]
    of = {p: [s for s in shifts if where[s] is p] for p in periods}
    for period in periods:
        assert sorted(period.shifts, key=lambda s: s.id) == sorted(of[period], key=lambda s: s.id)
    there = [p for p in periods if of[p]]
    for one, two in ((there[0], there[-1]), (there[-1], periods[0])):
        for name, (form, right) in FORMS.items():
            for criterion, expected in (
                (form(one, two), {s for s in shifts if right(where[s], one, two)}),
                (~form(one, two), {s for s in shifts if not right(where[s], one, two)}),
            ):
                assert set(session.scalars(select(Shift).where(criterion))) == expected, name
    within = [s for s in shifts if where[s]]
    same = of[max(there, key=lambda p: len(of[p]))]
    for a, b in ((within[0], within[-1]), (same[0], same[-1]), (shifts[-1], within[0])):
        for name, (form, right) in REVERSE.items():
            for criterion, expected in (
                (form(a, b), {p for p in periods if right(of[p], a, b)}),
                (~form(a, b), {p for p in periods if not right(of[p], a, b)}),
            ):
                found = set(session.scalars(select(EmploymentPeriod).where(criterion)))
                assert found == expected, name


@pytest.mark.parametrize("how", [joinedload, selectinload, subqueryload])
def test_they_are_loaded_with_the_rest_in_a_constant_number_of_queries(session, how):
    employed(session)
    shifts = session.scalars(select(Shift)).all()
    where = belongs(shifts, session.scalars(select(EmploymentPeriod)).all())
    expected = {s.id: p and p.id for s, p in where.items()}
    session.expunge_all()
    statements: list[str] = []
    event.listen(
        session.get_bind(), "before_cursor_execute", lambda *facts: statements.append(facts[2])
    )
    found = session.scalars(select(Shift).options(how(Shift.employment_period))).unique().all()
    assert {s.id: s.employment_period and s.employment_period.id for s in found} == expected
    session.expunge_all()
    periods = session.scalars(
        select(EmploymentPeriod).options(how(EmploymentPeriod.shifts))
    ).unique()
    reverse = {s.id: p.id for p in periods for s in p.shifts}
    assert reverse == {s: p for s, p in expected.items() if p}
    assert len(statements) <= 4, statements


def test_they_are_joined_and_aliased(session):
    employed(session)
    shifts = session.scalars(select(Shift)).all()
    where = belongs(shifts, session.scalars(select(EmploymentPeriod)).all())
    counted = dict(
        session.execute(
            select(EmploymentPeriod.id, func.count())
            .join(EmploymentPeriod.shifts)
            .group_by(EmploymentPeriod.id)
        ).all()
    )
    for period in {p for p in where.values() if p}:
        assert counted.pop(period.id) == sum(1 for p in where.values() if p is period)
    assert counted == {}
    other = aliased(Shift)
    one = next(p for p in where.values() if p)
    found = session.scalars(select(other.id).where(other.employment_period == one))
    assert set(found) == {s.id for s, p in where.items() if p is one}


def test_instants_and_a_key_of_two_columns(session):
    hour = timedelta(hours=1)
    session.add_all([
        Stay(room="red", number=1, during=Range(NOON, NOON + hour)),
        Stay(room="red", number=2, during=Range(NOON + hour, None)),
        Stay(room="blue", number=1, during=Range(None, NOON)),
        *(Call(room=room, at=at) for room in ("red", "blue")
          for at in (NOON - hour, NOON, NOON + hour, None)),
    ])  # fmt: skip
    session.commit()
    calls = session.scalars(select(Call).order_by(Call.id)).all()
    stays = [c.stay and (c.stay.room, c.stay.number) for c in calls]
    red1, red2, blue = ("red", 1), ("red", 2), ("blue", 1)
    assert stays == [None, red1, red2, None, blue, None, None, None]

    def ids(criterion) -> list[int]:
        found = session.scalars(select(Call.id).where(criterion).order_by(Call.id))
        return [calls.index(session.get(Call, one)) for one in found]

    assert ids(Call.stay == red2) == ids(Call.stay == session.get(Stay, red2)) == [2]
    assert ids(Call.stay.in_([red1, session.get(Stay, blue)])) == [1, 4]
    assert ids(Call.stay != red1) == [0, 2, 3, 4, 5, 6, 7]
    assert ids(Call.stay.is_(None)) == [0, 3, 5, 6, 7]
    keys = select(Stay.room, Stay.number).where(Stay.room == "red")
    assert ids(Call.stay.in_(keys)) == [1, 2]
    contains = select(Stay.number).where(Stay.calls.contains(calls[2]))
    assert session.scalars(contains).all() == [2]
    with pytest.raises(
        ImpliedRelationError, match=r"Call\.stay: 1 is no Stay nor its room, number"
    ):
        _ = Call.stay == 1


def test_numbers_of_any_type_lie_in_ranges_of_theirs(session):
    low, high = (
        Bracket(amounts=Range(Decimal(0), Decimal(10))),
        Bracket(amounts=Range(Decimal(10), None, bounds="[)")),
    )
    incomes = [
        Income(amount=Decimal("9.99"), euros=9), Income(amount=Decimal(10), euros=10),
        Income(amount=Decimal("-0.01"), euros=2**31 - 1), Income(),
    ]  # fmt: skip
    block = Block(numbers=Range(1, 2**40))
    tickets = [Ticket(number=n) for n in (0, 1, 70_000, None)]
    session.add_all([low, high, *incomes, block, *tickets])
    session.commit()
    assert [i.exact for i in incomes] == [low, high, None, None]
    assert [i.bracket for i in incomes] == [low, high, high, None]
    assert high.incomes == incomes[1:3]
    assert [t.block for t in tickets] == [None, block, block, None]
    session.expunge_all()
    eager = select(Income).options(joinedload(Income.exact), selectinload(Income.bracket))
    assert [i.bracket and i.bracket.id for i in session.scalars(eager.order_by(Income.id))] == [
        low.id, high.id, high.id, None
    ]  # fmt: skip
    assert session.scalars(select(Ticket.number).where(Ticket.block == block.id)).all() == [
        1, 70_000
    ]  # fmt: skip


def test_what_follows_is_not_set_and_what_has_no_key_is_not_asked_for(session):
    employed(session)
    shift = session.scalars(select(Shift)).first()
    with pytest.raises(ImpliedRelationError, match=r"Shift\.employment_period: it follows from"):
        shift.employment_period = EmploymentPeriod()
    with pytest.raises(ImpliedRelationError, match="has no key yet: flush it first"):
        _ = Shift.employment_period == EmploymentPeriod()
    with pytest.raises(ImpliedRelationError, match="is no EmploymentPeriod nor its id"):
        _ = Shift.employment_period == shift
    with pytest.raises(ImpliedRelationError, match="is no list"):
        _ = Shift.employment_period.in_(7)


async def test_with_an_async_session(url):
    engine = create_async_engine(url, poolclass=sqlalchemy.NullPool)
    async with AsyncSession(engine) as session:
        await session.run_sync(employed)
        query = select(Shift).options(selectinload(Shift.employment_period))
        shifts = (await session.scalars(query)).all()
        where = belongs(shifts, (await session.scalars(select(EmploymentPeriod))).all())
        assert {s: s.employment_period for s in shifts} == where
    await engine.dispose()


@pytest.mark.parametrize(
    ("fields", "to", "reason"),
    [
        (("number",), ("number",), "no field is a range"),
        (("numbers",), ("numbers",), "both sides have ranges"),
        (("number", "number"), ("numbers",), "go in pairs"),
        (("nowhere",), ("numbers",), "One has no column 'nowhere'"),
        (("name",), ("numbers",), "cannot lie in one.numbers"),
    ],
)
def test_what_cannot_be_related_says_so_when_it_is_configured(fields, to, reason):
    class Own(DeclarativeBase):
        pass

    class One(Own):
        __tablename__ = "one"
        id: Mapped[int] = mapped_column(primary_key=True)
        number: Mapped[int]
        name: Mapped[str]
        numbers: Mapped[Range[int]] = mapped_column(INT4RANGE)
        other: Mapped[One | None] = implied("One", from_fields=fields, to_fields=to)

    One.__annotations__["other"] = "Mapped[One | None]"
    try:
        with pytest.raises(ImpliedRelationError, match=reason):
            configure_mappers()
    finally:
        Own.registry.dispose()
