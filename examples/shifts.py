"""A shift lies in an employment period because its day does: a relationship that nobody stores."""

from __future__ import annotations

import sys
from datetime import date

import sqlalchemy
from sqlalchemy import ColumnElement, ForeignKey, select
from sqlalchemy.dialects.postgresql import DATERANGE, ExcludeConstraint, Range
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    joinedload,
    mapped_column,
    selectinload,
)

from hub.database.implied import implied
from hub.database.upgrade import engine_url


class Base(DeclarativeBase):
    """The tables of this example."""


class Employee(Base):
    """Somebody who works, with breaks."""

    __tablename__ = "employee"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class EmploymentPeriod(Base):
    """When somebody was employed; no two of a person's overlap."""

    __tablename__ = "employment_period"
    __table_args__ = (
        ExcludeConstraint(("employee_id", "="), ("valid_period", "&&"), name="employment_overlap"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    employee_id: Mapped[int] = mapped_column(ForeignKey(Employee.id))
    valid_period: Mapped[Range[date]] = mapped_column(DATERANGE)
    shifts: Mapped[list[Shift]] = implied(
        "Shift",
        from_fields=("employee_id", "valid_period"),
        to_fields=("employee_id", "date"),
        order_by="Shift.id",
    )


class Shift(Base):
    """A day of work."""

    __tablename__ = "shift"
    id: Mapped[int] = mapped_column(primary_key=True)
    employee_id: Mapped[int] = mapped_column(ForeignKey(Employee.id))
    date: Mapped[date]
    employment_period: Mapped[EmploymentPeriod | None] = implied(
        EmploymentPeriod,
        from_fields=("employee_id", "date"),
        to_fields=("employee_id", "valid_period"),
    )


def run(owner: str) -> None:
    """Make the tables in an empty database, and ask in each of the thirteen forms."""
    engine = sqlalchemy.create_engine(engine_url(owner))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS btree_gist")
        Base.metadata.create_all(connection)
    with Session(engine) as session:
        session.add(Employee(id=1, name="Ann"))
        session.flush()
        for number, first, last in ((1, 1, 3), (2, 6, 9)):
            days = Range(date(2026, first, 1), date(2026, last, 1))
            session.add(EmploymentPeriod(id=number, employee_id=1, valid_period=days))
        for number, month in enumerate((1, 2, 4, 7), 1):
            session.add(Shift(id=number, employee_id=1, date=date(2026, month, 5)))
        session.commit()
        _attributes(session)
        _filters(session)
    engine.dispose()


def _attributes(session: Session) -> None:
    spring = session.get_one(EmploymentPeriod, 1)
    early, unemployed = session.get_one(Shift, 1), session.get_one(Shift, 3)
    assert early.employment_period is spring and unemployed.employment_period is None  # 1
    assert [shift.id for shift in spring.shifts] == [1, 2]  # 2: the reverse
    session.expunge_all()
    for load in (joinedload, selectinload):  # 3 and 4: with the rest, in one query or two
        shifts = session.scalars(
            select(Shift).options(load(Shift.employment_period)).order_by(Shift.id)
        ).all()
        session.expunge_all()
        periods = [shift.employment_period for shift in shifts]
        assert [period and period.id for period in periods] == [1, 1, None, 2]


def _filters(session: Session) -> None:
    one, two = session.get_one(EmploymentPeriod, 1), session.get_one(EmploymentPeriod, 2)
    first, fourth = session.get_one(Shift, 1), session.get_one(Shift, 4)
    period, shifts = Shift.employment_period, EmploymentPeriod.shifts
    forms: list[tuple[type[Shift | EmploymentPeriod], ColumnElement[bool], list[int]]] = [
        (Shift, period == one, [1, 2]),  # 5: by instance
        (Shift, period == 1, [1, 2]),  # 6: by key
        (Shift, period.in_([one, two]), [1, 2, 4]),  # 7: by a list of instances
        (Shift, period.in_([1, 2]), [1, 2, 4]),  # 8: by a list of keys
        (Shift, period == None, [3]),  # noqa: E711  # 9: has none; as SQLAlchemy spells it
        (Shift, period != None, [1, 2, 4]),  # noqa: E711  # 10: has one
        (EmploymentPeriod, shifts.contains(first), [1]),  # 11: the reverse, contains one
        (EmploymentPeriod, shifts.in_([first, fourth]), [1, 2]),  # 12: one of several
        (EmploymentPeriod, shifts.contains([first, fourth]), []),  # and all of several
        (Shift, period != one, [3, 4]),  # 13: each negated
        (Shift, period != 1, [3, 4]),
        (Shift, period.not_in([one, two]), [3]),
        (Shift, ~period.in_([1, 2]), [3]),
        (EmploymentPeriod, ~shifts.contains(first), [2]),
        (EmploymentPeriod, ~shifts.in_([first, fourth]), []),
    ]
    for model, criterion, expected in forms:
        found = session.scalars(select(model.id).where(criterion).order_by(model.id)).all()
        print(found)
        assert list(found) == expected, str(criterion)


if __name__ == "__main__":
    run(*sys.argv[1:])
