"""A tick of an entity's clock as a block: what changes within it is one step, with its activity."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.ext.asyncio import async_object_session
from sqlalchemy.orm import Session

from hub.database.errors import HistoryModelError
from hub.database.history.temporal import Temporal
from hub.database.refusals import typed

__all__ = ["async_clock_tick", "clock_tick"]


@contextmanager
def clock_tick(*entities: Temporal, activity: Any = None) -> Iterator[None]:
    """What is changed of the entities within the block becomes one tick of each, at its end.

    One that is not changed has no tick; one that was added to the session is made in it.
    `activity` is an instance of the model that the entities have for activities; it is one row
    however many entities there are, and none when nothing changed.
    What else is pending was not done in this activity: it is written before, and a change of
    another entity within the block is refused. When the block raises, the changes are dropped.
    Raises HistoryModelError, and RefusedValueError for what the database's rules refuse.
    """
    session = _session(entities, activity)
    fresh = [one for one in entities if one in session.new]
    for one in fresh:
        session.expunge(one)
    with typed():
        session.flush()
    session.add_all(fresh)
    with session.no_autoflush:
        try:
            yield
            changed = [
                one
                for one in entities
                if one in session.new or one in session.deleted or _is_modified(one)
            ]
            if changed:
                _write(session, entities, activity)
        except BaseException:
            for one in entities:
                if one in session and one not in session.new:
                    session.expire(one)
            raise


@asynccontextmanager
async def async_clock_tick(*entities: Temporal, activity: Any = None) -> AsyncIterator[None]:
    """`clock_tick` for entities of an AsyncSession."""
    session = async_object_session(entities[0]) if entities else None
    if session is None:
        raise HistoryModelError("clock_tick", "its entities belong to no session")
    block = clock_tick(*entities, activity=activity)
    await session.run_sync(lambda _: block.__enter__())
    try:
        yield
    except BaseException as error:
        raised = error
        if not await session.run_sync(
            lambda _: block.__exit__(type(raised), raised, raised.__traceback__)
        ):
            raise
    else:
        await session.run_sync(lambda _: block.__exit__(None, None, None))


def _session(entities: tuple[Temporal, ...], activity: Any) -> Session:
    sessions = {Session.object_session(one) for one in entities}
    session = sessions.pop() if len(sessions) == 1 else None
    if session is None:
        raise HistoryModelError("clock_tick", "its entities belong to no session, or to several")
    for one in entities:
        kind = one.activity
        if activity is not None and (kind is None or not isinstance(activity, kind)):
            raise HistoryModelError(type(one).__name__, f"has no activities such as {activity!r}")
        if activity is None and one.activity_required:
            raise HistoryModelError(type(one).__name__, "a tick needs an activity")
    return session


def _write(session: Session, entities: tuple[Temporal, ...], activity: Any) -> None:
    def refuse_others(_: Session, *__: object) -> None:
        for one in [*session.new, *session.dirty, *session.deleted]:
            if isinstance(one, Temporal) and one not in entities and _is_modified(one):
                raise HistoryModelError(
                    type(one).__name__, "another entity was changed within the tick"
                )

    number = "" if activity is None else str(_kept(session, activity))
    _set(session, str(uuid.uuid4()), number)
    event.listen(session, "before_flush", refuse_others)
    try:
        with typed():
            session.flush()
    finally:
        event.remove(session, "before_flush", refuse_others)
    _set(session, "", "")
    for one in entities:
        if one in session:
            related = (each.key for each in sqlalchemy.inspect(one).mapper.relationships)
            lists = [name for name in related if name == "clock" or name.endswith("_ticks")]
            session.expire(one, lists)


def _is_modified(entity: Temporal) -> bool:
    """As the session's is_modified, which knows no attributes of another's table (concrete)."""
    state = sqlalchemy.inspect(entity)
    mapper = state.mapper
    return state.modified and any(
        state.attrs[one.key].history.has_changes()
        for one in (*mapper.column_attrs, *mapper.relationships)
    )


def _kept(session: Session, activity: Any) -> Any:
    """The activity's key: it is written first, and by itself."""
    state = sqlalchemy.inspect(activity)
    if not state.persistent:
        if activity in session:
            session.expunge(activity)
        with Session(
            session.connection(), join_transaction_mode="create_savepoint", expire_on_commit=False
        ) as aside:
            aside.add(activity)
            aside.commit()
            aside.expunge(activity)
        session.add(activity)
    return sqlalchemy.inspect(activity).identity[0]


def _set(session: Session, token: str, activity: str) -> None:
    session.execute(
        sqlalchemy.select(
            sqlalchemy.func.set_config("history.tick", token, True),
            sqlalchemy.func.set_config("history.activity", activity, True),
        )
    )
