"""A friend moves: what was true when, and for which reason."""

from __future__ import annotations

import sys

import sqlalchemy
from sqlalchemy import Identity, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from hub.database.history import Temporal, clock_tick
from hub.database.upgrade import engine_url


class Base(DeclarativeBase):
    """The tables of this example."""


class Activity(Base):
    """Why something changed."""

    __tablename__ = "activity"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    description: Mapped[str]


class Friend(Base, Temporal):
    """Somebody whose name and location have a history."""

    __tablename__ = "friend"
    track = ("name", "location")
    activity = Activity
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    location: Mapped[str]


def run(owner: str) -> None:
    """Make the tables in an empty database, and a friend who moves."""
    engine = sqlalchemy.create_engine(engine_url(owner))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS btree_gist")
        Base.metadata.create_all(connection)
    with Session(engine) as session:
        friend = Friend(name="Ann", location="New York")
        session.add(friend)
        session.commit()
        _moves(session, friend)
        _looked_back(session, friend)
    engine.dispose()


def _moves(session: Session, friend: Friend) -> None:
    with friend.clock_tick():
        friend.location = "San Francisco"
    assert friend.location_history[0] == "New York"
    assert friend.location_history[1] == friend.location == "San Francisco"
    assert friend.vclock == 2

    with friend.clock_tick():
        friend.location = "San Francisco"
    assert friend.vclock == 2  # nothing changed: no tick

    bob, why = Friend(name="Bob", location="Rome"), Activity(description="a wedding")
    session.add(bob)
    with clock_tick(friend, bob, activity=why):
        friend.name, bob.location = "Ann B.", "San Francisco"
    assert friend.clock[-1].activity_id == bob.clock[-1].activity_id == why.id
    session.commit()


def _looked_back(session: Session, friend: Friend) -> None:
    for one in friend.location_ticks:
        print(one.ticks, one.value)
    past = Friend.as_of(friend.date_created)
    assert session.execute(select(past.c.name, past.c.location)).all() == [("Ann", "New York")]
    then = friend.then(2)
    assert then is not None
    assert (then.name, then.location) == ("Ann", "San Francisco")


if __name__ == "__main__":
    run(*sys.argv[1:])
