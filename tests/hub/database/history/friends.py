"""Models with a history, one for each way to choose."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import ForeignKey, Identity, Integer, MetaData, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from hub.database.history import Temporal


class Base(DeclarativeBase):
    metadata = MetaData(schema="address_book")


class Reason(Base):
    __tablename__ = "reason"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    why: Mapped[str]


class Friend(Base, Temporal):
    __tablename__ = "friend"
    track = ("name", "location")
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str | None] = mapped_column(Text)
    location: Mapped[str | None] = mapped_column(Text, server_default=text("'nowhere'"))
    shoes: Mapped[int | None]


class Contract(Base, Temporal):
    """Changed within ticks that have an activity, and never removed; its key has two columns."""

    __tablename__ = "contract"
    track = ("terms",)
    activity = Reason
    activity_required = True
    outside = "refuse"
    removal = "refuse"
    country: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    terms: Mapped[dict | None] = mapped_column(JSONB)


class Animal(Base, Temporal):
    __tablename__ = "animal"
    __mapper_args__: ClassVar = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}
    track = ("name",)
    outside = "refuse"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)


class Dog(Animal):
    """In a table of its own, by the same clock."""

    __tablename__ = "dog"
    __mapper_args__: ClassVar = {"polymorphic_identity": "dog"}
    track = ("tricks",)
    id: Mapped[int] = mapped_column(ForeignKey("address_book.animal.id"), primary_key=True)
    tricks: Mapped[int] = mapped_column(Integer)


class Cat(Animal):
    """In the table of all animals."""

    __mapper_args__: ClassVar = {"polymorphic_identity": "cat"}
    track = ("mood",)
    mood: Mapped[str | None] = mapped_column(Text)
