"""Models whose relations follow from ranges of dates, of instants and of numbers."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Date, DateTime, ForeignKey, Identity, MetaData, Numeric
from sqlalchemy.dialects.postgresql import (
    DATERANGE,
    INT8RANGE,
    NUMRANGE,
    TSTZRANGE,
    ExcludeConstraint,
    Range,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from hub.database.implied import implied


class Base(DeclarativeBase):
    metadata = MetaData(schema="work")


class Employee(Base):
    __tablename__ = "employee"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)


class EmploymentPeriod(Base):
    __tablename__ = "employment_period"
    __table_args__ = (ExcludeConstraint(("employee_id", "="), ("valid_period", "&&")),)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    employee_id: Mapped[int] = mapped_column(ForeignKey("work.employee.id"))
    valid_period: Mapped[Range[date]] = mapped_column(DATERANGE)
    shifts: Mapped[list[Shift]] = implied(
        "Shift",
        from_fields=("employee_id", "valid_period"),
        to_fields=("employee_id", "date"),
        order_by="Shift.date, Shift.id",
    )


class Shift(Base):
    __tablename__ = "shift"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    employee_id: Mapped[int] = mapped_column(ForeignKey("work.employee.id"))
    date: Mapped[date | None] = mapped_column(Date)
    employment_period: Mapped[EmploymentPeriod | None] = implied(
        EmploymentPeriod,
        from_fields=("employee_id", "date"),
        to_fields=("employee_id", "valid_period"),
    )


class Stay(Base):
    """Its key has two columns; its time is one of instants."""

    __tablename__ = "stay"
    __table_args__ = (ExcludeConstraint(("room", "="), ("during", "&&")),)
    room: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    calls: Mapped[list[Call]] = implied(
        "Call", from_fields=("room", "during"), to_fields=("room", "at"), order_by="Call.id"
    )


class Call(Base):
    __tablename__ = "call"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    room: Mapped[str]
    at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    stay: Mapped[Stay | None] = implied(
        "Stay", from_fields=("room", "at"), to_fields=("room", "during")
    )


class Bracket(Base):
    """Nothing but the range relates them: whole numbers lie in it too."""

    __tablename__ = "bracket"
    __table_args__ = (ExcludeConstraint(("amounts", "&&")),)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    amounts: Mapped[Range[Decimal]] = mapped_column(NUMRANGE)
    incomes: Mapped[list[Income]] = implied(
        "Income", from_fields=("amounts",), to_fields=("euros",), order_by="Income.id"
    )


class Income(Base):
    __tablename__ = "income"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    amount: Mapped[Decimal | None] = mapped_column(Numeric)
    euros: Mapped[int | None]
    exact: Mapped[Bracket | None] = implied(
        "Bracket", from_fields=("amount",), to_fields=("amounts",)
    )
    bracket: Mapped[Bracket | None] = implied(
        "Bracket", from_fields=("euros",), to_fields=("amounts",)
    )


class Block(Base):
    """A range of large numbers, and small ones that lie in it."""

    __tablename__ = "block"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    numbers: Mapped[Range[int]] = mapped_column(INT8RANGE)


class Ticket(Base):
    __tablename__ = "ticket"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    number: Mapped[int | None]
    block: Mapped[Block | None] = implied(Block, from_fields=("number",), to_fields=("numbers",))
