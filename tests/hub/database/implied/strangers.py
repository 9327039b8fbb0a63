"""Two models of somebody else's: keys of two columns, two schemas, types of their own."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import sqlalchemy
from sqlalchemy import BigInteger, DateTime, MetaData, Numeric, SmallInteger, Text
from sqlalchemy.dialects.postgresql import DATERANGE, NUMRANGE, TSRANGE, TSTZRANGE, Range
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from hub.database.implied import implied


class Instant(sqlalchemy.TypeDecorator[datetime]):
    """As many programs have one."""

    impl = DateTime(timezone=True)
    cache_ok = True


class Span(sqlalchemy.TypeDecorator[Any]):
    impl = TSTZRANGE
    cache_ok = True


class Base(DeclarativeBase):
    metadata = MetaData()


class Voyage(Base):
    """Nothing keeps two of a ship's from overlapping; attributes are called otherwise."""

    __tablename__ = "Voyage"
    __table_args__ = ({"schema": "Sea lanes"},)
    line: Mapped[str] = mapped_column("order", Text, primary_key=True)
    number: Mapped[int] = mapped_column("n o", BigInteger, primary_key=True)
    ship: Mapped[str | None]
    during: Mapped[Range[datetime] | None] = mapped_column(Span)
    loads: Mapped[Range[Decimal] | None] = mapped_column(NUMRANGE)
    sightings: Mapped[list[Sighting]] = implied(
        "Sighting",
        from_fields=("during", "ship"),
        to_fields=("at", "vessel"),
        order_by="Sighting.key",
    )
    weighed: Mapped[list[Sighting]] = implied(
        "Sighting", from_fields=("loads",), to_fields=("weight",), order_by="Sighting.key"
    )


class Sighting(Base):
    __tablename__ = "sighting"
    __table_args__ = ({"schema": "coast"},)
    key: Mapped[int] = mapped_column("id", SmallInteger, primary_key=True, autoincrement=False)
    vessel: Mapped[str | None]
    at: Mapped[datetime | None] = mapped_column(Instant)
    weight: Mapped[Decimal | None] = mapped_column(Numeric(12, 3))
    voyage: Mapped[Voyage | None] = implied(
        Voyage, from_fields=("vessel", "at"), to_fields=("ship", "during")
    )
    voyages: Mapped[list[Voyage]] = implied(
        Voyage,
        from_fields=("vessel", "at"),
        to_fields=("ship", "during"),
        order_by="Voyage.line, Voyage.number",
    )
    load: Mapped[Voyage | None] = implied(Voyage, from_fields=("weight",), to_fields=("loads",))


class Person(Base):
    """One table related to itself, and one that inherits: its key stands in both."""

    __tablename__ = "person"
    __table_args__ = ({"schema": "coast"},)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    born: Mapped[Any] = mapped_column(sqlalchemy.Date)
    reign: Mapped[Range[Any] | None] = mapped_column(DATERANGE)
    subjects: Mapped[list[Person]] = implied(
        "Person", from_fields=("reign",), to_fields=("born",), order_by="Person.id"
    )
    born_under: Mapped[Person | None] = implied(
        "Person", from_fields=("born",), to_fields=("reign",)
    )
    __mapper_args__: ClassVar = {"polymorphic_on": "kind", "polymorphic_identity": "person"}


class Keeper(Person):
    __tablename__ = "keeper"
    __table_args__ = ({"schema": "coast"},)
    id: Mapped[int] = mapped_column(
        sqlalchemy.ForeignKey("coast.person.id"), primary_key=True, autoincrement=False
    )
    lamp: Mapped[datetime | None] = mapped_column(DateTime)
    watch: Mapped[Watch | None] = implied(
        "Watch", from_fields=("id", "lamp"), to_fields=("keeper", "during")
    )
    __mapper_args__: ClassVar = {"polymorphic_identity": "keeper"}


class Watch(Base):
    __tablename__ = "watch"
    __table_args__ = ({"schema": "coast"},)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    keeper: Mapped[int]
    during: Mapped[Range[datetime]] = mapped_column(TSRANGE)
    keepers: Mapped[list[Keeper]] = implied(
        Keeper, from_fields=("keeper", "during"), to_fields=("id", "lamp")
    )
