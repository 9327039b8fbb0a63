"""Models of the kinds that temporal-sqlalchemy's own tests use."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    ARRAY,
    JSON,
    Computed,
    DateTime,
    Enum,
    ForeignKey,
    Identity,
    MetaData,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import DATERANGE, Range
from sqlalchemy.ext.declarative import AbstractConcreteBase, ConcreteBase
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from hub.database.history import Temporal

REALLY = "really_" * 5
_WITH_ZONE = DateTime(timezone=True)


class Base(DeclarativeBase):
    metadata = MetaData(schema="scenarios")


class Activity(Base):
    __tablename__ = "activity"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    description: Mapped[str]


class Related(Base):
    __tablename__ = "related"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)


class Plain(Base):
    """Nothing of it is tracked."""

    __tablename__ = "plain"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    prop_a: Mapped[int | None]


class Simple(Base, Temporal):
    __tablename__ = "simple"
    track = ("prop_a", "prop_b", "prop_c", "prop_d", "prop_e", "prop_f")
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    prop_a: Mapped[int | None]
    prop_b: Mapped[str | None] = mapped_column(Text)
    prop_c: Mapped[datetime | None] = mapped_column(_WITH_ZONE)
    # json, which Postgres does not compare
    prop_d: Mapped[dict[str, Any] | None] = mapped_column(MutableDict.as_mutable(JSON()))
    prop_e: Mapped[Range[date] | None] = mapped_column(DATERANGE)
    prop_f: Mapped[list[str] | None] = mapped_column(ARRAY(Text))


class Strict(Base, Temporal):
    __tablename__ = "strict"
    track = ("prop_a",)
    outside = "refuse"
    removal = "refuse"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    prop_a: Mapped[int | None]


class Defaults(Base, Temporal):
    __tablename__ = "defaults"
    track = ("prop_a", "constant", "called", "sql", "server", "touched")
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    prop_a: Mapped[int | None]
    constant: Mapped[int] = mapped_column(default=10)
    called: Mapped[str] = mapped_column(Text, default=lambda: "a value here")
    sql: Mapped[datetime] = mapped_column(_WITH_ZONE, default=func.now())
    server: Mapped[datetime] = mapped_column(_WITH_ZONE, server_default=func.now())
    touched: Mapped[datetime | None] = mapped_column(_WITH_ZONE, onupdate=func.clock_timestamp())


class Relational(Base, Temporal):
    __tablename__ = "relational"
    track = ("prop_a", "rel_id")
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    prop_a: Mapped[int | None]
    rel_id: Mapped[int | None] = mapped_column(ForeignKey(Related.id))
    rel: Mapped[Related | None] = relationship()


class First(Base, Temporal):
    __tablename__ = "with_activity_1"
    track = ("column",)
    activity = Activity
    activity_required = True
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    column: Mapped[int | None]


class Second(Base, Temporal):
    __tablename__ = "with_activity_2"
    track = ("column",)
    activity = Activity
    activity_required = True
    number: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    column: Mapped[int | None]


class Concrete(ConcreteBase, Base, Temporal):
    """Has all of its columns itself, as those below it have."""

    __tablename__ = "concrete"
    __mapper_args__: ClassVar = {"polymorphic_identity": "concrete", "concrete": True}
    track = ("prop_a",)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    prop_a: Mapped[int | None]


class ConcreteChild(Concrete):
    __tablename__ = "concrete_child"
    __mapper_args__: ClassVar = {"polymorphic_identity": "child", "concrete": True}
    track = ("prop_a", "prop_b")
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    prop_a: Mapped[int | None]
    prop_b: Mapped[str | None] = mapped_column(Text)


class JoinedBase(Base):
    """Not tracked itself; what lies below it is."""

    __tablename__ = "joined_base"
    __mapper_args__: ClassVar = {"polymorphic_on": "kind", "polymorphic_identity": "default"}
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(Enum("default", "a", "b", name="joined_kind"))


class JoinedA(JoinedBase, Temporal):
    __tablename__ = "joined_a"
    __mapper_args__: ClassVar = {"polymorphic_identity": "a"}
    track = ("val",)
    id: Mapped[int] = mapped_column(ForeignKey(JoinedBase.id), primary_key=True)
    val: Mapped[str] = mapped_column(Enum("foo", "foobar", name="joined_a_val"))


class JoinedB(JoinedBase, Temporal):
    __tablename__ = "joined_b"
    __mapper_args__: ClassVar = {"polymorphic_identity": "b"}
    track = ("val",)
    id: Mapped[int] = mapped_column(ForeignKey(JoinedBase.id), primary_key=True)
    val: Mapped[str] = mapped_column(Enum("bar", "barfoo", name="joined_b_val"))


class Long(Base, Temporal):
    """Names that are too long for Postgres once anything is put to them."""

    __tablename__ = f"testing_a_{REALLY}long_table_name"
    track = (f"{REALLY}long_column_é", f"{REALLY}long_column_e")
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    column: Mapped[int | None] = mapped_column(f"{REALLY}long_column_é")
    other: Mapped[int | None] = mapped_column(f"{REALLY}long_column_e")


class Vehicle(AbstractConcreteBase, Base, Temporal):
    """Tables of their own below it; none for it. What it tracks each of them does."""

    strict_attrs = True
    track = ("name",)


class Car(Vehicle):
    __tablename__ = "car"
    __mapper_args__: ClassVar = {"polymorphic_identity": "car", "concrete": True}
    track = ("name", "doors")
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    doors: Mapped[int]


class Boat(Vehicle):
    __tablename__ = "boat"
    __mapper_args__: ClassVar = {"polymorphic_identity": "boat", "concrete": True}
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    sails: Mapped[int]


class Named(Base, Temporal):
    __abstract__ = True
    track = ("name",)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]


class Town(Named):
    __tablename__ = "town"


class Work(Base, Temporal):
    """Its histories carry its owner, those of the tables below it too."""

    __tablename__ = "work"
    __mapper_args__: ClassVar = {"polymorphic_on": "kind", "polymorphic_identity": "work"}
    track = ("title",)
    carry = ("owner",)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str]
    owner: Mapped[int]
    title: Mapped[str]


class Book(Work):
    """Has another name for the key, and no owner of its own."""

    __tablename__ = "book"
    __mapper_args__: ClassVar = {"polymorphic_identity": "book"}
    track = ("pages",)
    book_id: Mapped[int] = mapped_column(ForeignKey(Work.id), primary_key=True)
    pages: Mapped[int]


class Odd(Base, Temporal):
    """Names that mean something in SQL, and others that the triggers use."""

    __tablename__ = 'Select "x"'
    track = ("order", "row_", "token", "at", "tick", "twice")
    group: Mapped[int] = mapped_column("Group", primary_key=True)
    end: Mapped[str] = mapped_column("end", primary_key=True)
    order: Mapped[str | None] = mapped_column('order "by"')
    row_: Mapped[int | None]
    token: Mapped[str | None]
    at: Mapped[int | None]
    tick: Mapped[int | None]
    twice: Mapped[int | None] = mapped_column(Computed("row_ * 2", persisted=True))


class Parted(Base, Temporal):
    __tablename__ = "parted"
    __table_args__: ClassVar = {"postgresql_partition_by": "LIST (region)"}
    track = ("value",)
    region: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int]
