"""Models of schools: chains of keys, two parents, a circle, composite keys, a catalogue."""

from __future__ import annotations

import uuid

from sqlalchemy import ForeignKey, ForeignKeyConstraint, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from hub.database.tenancy.models import SharedTable, TenantModel, TenantRules


class Base(DeclarativeBase):
    metadata = MetaData(schema="campus")


class School(Base):
    __tablename__ = "school"
    __tenancy__ = TenantModel("campus.school")
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Year(Base):
    """Reaches its school directly."""

    __tablename__ = "year"
    id: Mapped[int] = mapped_column(primary_key=True)
    school_id: Mapped[int] = mapped_column(ForeignKey("campus.school.id"))


class SchoolClass(Base):
    """By its year; its favourite pupil closes a circle, the class above is itself a class."""

    __tablename__ = "class"
    id: Mapped[int] = mapped_column(primary_key=True)
    year_id: Mapped[int] = mapped_column(ForeignKey("campus.year.id"))
    above_id: Mapped[int | None] = mapped_column(ForeignKey("campus.class.id"))


class Pupil(Base):
    __tablename__ = "pupil"
    id: Mapped[int] = mapped_column(primary_key=True)
    school_id: Mapped[int] = mapped_column(ForeignKey("campus.school.id"))
    friend_id: Mapped[int | None] = mapped_column(ForeignKey("campus.pupil.id"))


class Enrolment(Base):
    """Names two parents: both must be of the tenant."""

    __tablename__ = "enrolment"
    class_id: Mapped[int] = mapped_column(ForeignKey("campus.class.id"), primary_key=True)
    pupil_id: Mapped[int] = mapped_column(ForeignKey("campus.pupil.id"), primary_key=True)


class Mark(Base):
    """By a composite key."""

    __tablename__ = "mark"
    __table_args__ = (
        ForeignKeyConstraint(
            ["class_id", "pupil_id"], ["campus.enrolment.class_id", "campus.enrolment.pupil_id"]
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    class_id: Mapped[int]
    pupil_id: Mapped[int]
    points: Mapped[int]
    subject_id: Mapped[int | None] = mapped_column(ForeignKey("campus.subject.id"))


class Subject(Base):
    __tablename__ = "subject"
    __tenancy__ = SharedTable("the same in all schools")
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Note(Base):
    """About a class or a pupil, or both."""

    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    class_id: Mapped[int | None] = mapped_column(ForeignKey("campus.class.id"))
    pupil_id: Mapped[int | None] = mapped_column(ForeignKey("campus.pupil.id"))


class Poster(Base):
    """Everybody reads those that are public; nobody deletes."""

    __tablename__ = "poster"
    __tenancy__ = TenantRules(clauses={"SELECT": "{tenant} OR public", "DELETE": "false"})
    id: Mapped[int] = mapped_column(primary_key=True)
    school_id: Mapped[int] = mapped_column(ForeignKey("campus.school.id"))
    public: Mapped[bool]


class Lesson(Base):
    """Three keys from its school, which it has in a column of its own too, kept by a trigger."""

    __tablename__ = "lesson"
    __tenancy__ = TenantRules(fill=("school_id",))
    id: Mapped[int] = mapped_column(primary_key=True)
    class_id: Mapped[int] = mapped_column(ForeignKey("campus.class.id"))
    pupil_id: Mapped[int | None] = mapped_column(ForeignKey("campus.pupil.id"))
    school_id: Mapped[int]


class UuidBase(DeclarativeBase):
    pass


class Customer(UuidBase):
    """Another tenant, in the schema that has no name, with another kind of key."""

    __tablename__ = "customer"
    __tenancy__ = TenantModel("shop.customer")
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)


class Order(UuidBase):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customer.id"))


class Line(UuidBase):
    __tablename__ = "line"
    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)


class RegionBase(DeclarativeBase):
    pass


class Branch(RegionBase):
    """A tenant whose key has two columns."""

    __tablename__ = "branch"
    __tenancy__ = TenantModel(("app.region", "app.branch"))
    region: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)


class Desk(RegionBase):
    __tablename__ = "desk"
    __table_args__ = (
        ForeignKeyConstraint(["region", "branch"], ["branch.region", "branch.number"]),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    region: Mapped[str]
    branch: Mapped[int]
