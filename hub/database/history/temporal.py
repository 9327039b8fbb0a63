"""The mixin that gives a model a clock and a history."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

import sqlalchemy
from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Integer, Table, Uuid, event
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import INT4RANGE, ExcludeConstraint
from sqlalchemy.ext.associationproxy import association_proxy
from sqlalchemy.orm import Mapper, Session, relationship
from sqlalchemy.orm.exc import UnmappedColumnError

from hub.database.errors import HistoryModelError
from hub.database.history.declared import (
    Outside,
    Removal,
    TrackedTable,
    clock_name,
    history_name,
    shortened,
)
from hub.database.history.triggers import left_statements, statements
from hub.database.tenancy.models import TenantRules

__all__ = ["HistoryValue", "Temporal", "TickRow"]

_INSTANT = DateTime(timezone=True)


class TickRow:
    """A step of an entity's clock: `tick` from 1, `at`, `activity_id`, whether it was `deleted`."""

    tick: int
    at: datetime
    activity_id: Any
    deleted: bool


class HistoryValue:
    """What a property was (`value`) over a range of `ticks`; the open one is the present."""

    ticks: postgresql.Range[int]
    value: Any


class Temporal:
    """A model whose columns named in `track` have a history, kept by the database.

    `friend.name_history` are its values, oldest first, `friend.name_ticks` those with their ticks,
    `friend.clock` its ticks. `activity` is a model of activities, which ticks then may have, or
    must with `activity_required`, creation too. `outside` says what becomes of a change outside a
    tick, by whatever way: it is recorded as a tick of its own, or refused; `removal` the same of
    a deletion. `carry` names columns that ticks and values have as well: a tenant's key.

    Triggers come with `metadata.create_all`; a migration has `history_statements(Model)`. The
    exclusion constraints need the extension btree_gist.
    """

    track: ClassVar[tuple[str, ...]] = ()
    carry: ClassVar[tuple[str, ...]] = ()
    activity: ClassVar[Any] = None
    activity_required: ClassVar[bool] = False
    outside: ClassVar[Outside] = "record"
    removal: ClassVar[Removal] = "record"
    _tracks: ClassVar[tuple[str, ...]] = ()  # of this class itself, not of one above

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if _has_table(cls) and (track := _own_track(cls)):
            cls._tracks = track
            _make(cls)

    @classmethod
    def as_of(cls, when: datetime | int) -> sqlalchemy.Subquery:
        """Entities as they were at an instant, or at their tick of that number.

        To select from, filter and join: key, `tick`, `at` and what is tracked, a row for each
        that was there then. Beside a tracked column of that name they are `clock_tick`, `clock_at`.
        """
        return _as_of(cls, when)

    def clock_tick(self, activity: Any = None) -> AbstractContextManager[None]:
        """`clock_tick` of this one alone: `with friend.clock_tick(): friend.name = "Bob"`."""
        from hub.database.history.tick import clock_tick  # noqa: PLC0415  # which knows Temporal

        return clock_tick(self, activity=activity)

    @property
    def vclock(self) -> int:
        """The number of its last tick; for an AsyncSession by `run_sync`, as the next two."""
        return self._ticks()[1].tick

    @property
    def date_created(self) -> datetime:
        """When it was created, by the database's clock: the instant of tick 1."""
        return self._ticks()[0].at

    @property
    def date_modified(self) -> datetime:
        """When it was changed last: the instant of its last tick."""
        return self._ticks()[1].at

    def _ticks(self) -> tuple[TickRow, TickRow]:
        """Its first tick and its last."""
        session = Session.object_session(self)
        if session is None or sqlalchemy.inspect(self).identity is None:
            raise HistoryModelError(type(self).__name__, "it is not in the database yet")
        first = _first(type(self))
        clock: Table = first.info["history_clock"]
        key = zip(first.primary_key, sqlalchemy.inspect(self).identity, strict=True)
        query = sqlalchemy.select(clock.c.tick, clock.c.at).where(
            *(clock.c[column.name] == value for column, value in key)
        )
        newest: Any = session.execute(query.order_by(clock.c.tick.desc()).limit(1)).one()
        oldest: Any = session.execute(query.order_by(clock.c.tick).limit(1)).one()
        return oldest, newest

    def then(self, when: datetime | int) -> sqlalchemy.Row[Any] | None:
        """This one as it was, None when it was not there; for an AsyncSession by `run_sync`."""
        session = Session.object_session(self)
        if session is None:
            raise HistoryModelError(type(self).__name__, "the object belongs to no session")
        past = _as_of(type(self), when)
        key = zip(_first(type(self)).primary_key, sqlalchemy.inspect(self).identity, strict=True)
        query = sqlalchemy.select(past).where(*(past.c[col.name] == value for col, value in key))
        return session.execute(query).one_or_none()


def _make(cls: Any) -> None:
    mapper: Mapper[Any] = cls.__mapper__
    table, first = mapper.local_table, _first(cls)
    if not isinstance(table, Table):
        raise HistoryModelError(cls.__name__, "only tables have a history")
    columns = [_stored(cls, _column(cls, table, name)) for name in cls._tracks]
    carried = [_column(cls, first, name) for name in cls.carry]
    activity = None if cls.activity is None else next(iter(cls.activity.__table__.primary_key))
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy
    before: TrackedTable | None = table.info.get("history")
    table.info["history"] = TrackedTable(
        table.schema, table.name, first.name, tuple(c.name for c in first.primary_key),
        _own_key(table, first),
        (*(before.tracked if before else ()), *(column.name for column in columns)),
        tuple(column.name for column in carried), cls.outside, cls.removal,
        (
            *(before.without_equality if before else ()),
            *(one.name for one in columns if isinstance(one.type, sqlalchemy.JSON)
              and not isinstance(one.type, postgresql.JSONB)),
        ),
        None if activity is None else activity.type.compile(dialect=dialect),
        cls.activity_required,
        bool(table.dialect_options["postgresql"].get("partition_by")),
    )  # fmt: skip
    if before is None:
        event.listen(table, "after_create", _keep)
    if first.info.get("history_clock") is None:
        first.info["history_clock"] = _clock(first, carried, activity)
        event.listen(first.info["history_clock"], "after_create", partial(_keep_left, first))
        _map(cls, TickRow, first.info["history_clock"], "clock", first=first, order="tick")
    for column in columns:
        name = history_name(table.name, column.name)
        values = _values(name, first, carried, column)
        event.listen(values, "after_create", partial(_keep_left, table))
        attribute = mapper.get_property_by_column(column).key
        _map(cls, HistoryValue, values, f"{attribute}_ticks", first=first, order="ticks")
        setattr(cls, f"{attribute}_history", association_proxy(f"{attribute}_ticks", "value"))


def _clock(first: Table, carried: list[Column[Any]], activity: Any) -> Table:
    keys = [*(_copy(one, key=True) for one in first.primary_key), *map(_copy, carried)]
    kind = sqlalchemy.Text() if activity is None else activity.type
    links = [] if activity is None else [ForeignKey(activity)]
    return Table(
        clock_name(first.name), first.metadata, *keys,
        Column("tick", Integer, primary_key=True),
        Column("at", _INSTANT, nullable=False),
        Column("token", Uuid, nullable=False),
        Column("activity_id", kind, *links),
        Column("deleted", sqlalchemy.Boolean, nullable=False),
        schema=first.schema, info=_info(first, tuple(one.name for one in carried)),
    )  # fmt: skip


def _values(name: str, first: Table, carried: list[Column[Any]], column: Column[Any]) -> Table:
    keys = [_copy(one) for one in first.primary_key]
    return Table(
        name, first.metadata, *keys, *map(_copy, carried),
        Column("ticks", INT4RANGE, CheckConstraint("NOT isempty(ticks)"), nullable=False),
        Column("value", column.type),
        # On Postgres 18 a key WITHOUT OVERLAPS says the same; this does on 15 too.
        ExcludeConstraint(
            *((one.name, "=") for one in keys), ("ticks", "&&"), using="gist",
            name=shortened(f"{name}_excl"),
        ),
        schema=first.schema, info=_info(first, tuple(one.name for one in carried)),
    )  # fmt: skip


def _map(cls: Any, kind: type, table: Table, attribute: str, *, first: Table, order: str) -> None:
    """A class for the table, and the attribute of the entity that lists its rows."""
    made = type(f"{cls.__name__}{attribute.title().replace('_', '')}", (kind,), {})
    keys = [table.c[one.name] for one in first.primary_key]
    cls.registry.map_imperatively(made, table, primary_key=[*keys, table.c[order]])
    join = sqlalchemy.and_(
        *(one == sqlalchemy.orm.foreign(table.c[one.name]) for one in first.primary_key)
    )
    by = table.c[order] if order == "tick" else sqlalchemy.func.lower(table.c[order])
    cls.__mapper__.add_property(
        attribute, relationship(made, primaryjoin=join, order_by=by, viewonly=True)
    )


def _as_of(cls: Any, when: datetime | int) -> sqlalchemy.Subquery:
    first = _first(cls)
    clock: Table = first.info["history_clock"]
    keys = [clock.c[one.name] for one in first.primary_key]
    at = clock.c.at <= when if isinstance(when, datetime) else clock.c.tick <= when
    newest = (
        sqlalchemy.select(*keys, sqlalchemy.func.max(clock.c.tick).label("tick"))
        .where(at).group_by(*keys).subquery()
    )  # fmt: skip
    same = [newest.c[one.name] == clock.c[one.name] for one in (*first.primary_key, clock.c.tick)]
    last = sqlalchemy.select(clock).join(newest, sqlalchemy.and_(*same)).subquery()
    found: Any = last
    names = {name for above in _tracked(cls) for name in vars(above)["_tracks"]}
    ticks = [
        last.c[name].label(f"clock_{name}" if name in names else name) for name in ("tick", "at")
    ]
    columns = [*(last.c[one.name] for one in first.primary_key), *ticks]
    for above in _tracked(cls):
        for name in vars(above)["_tracks"]:
            column = _column(above, above.__mapper__.local_table, name)
            table = first.metadata.tables[_key(first, history_name(column.table.name, column.name))]
            values = table.alias()
            same = [last.c[one.name] == values.c[one.name] for one in first.primary_key]
            found = found.outerjoin(
                values, sqlalchemy.and_(*same, values.c.ticks.contains(last.c.tick))
            )
            columns.append(values.c.value.label(name))
    query = sqlalchemy.select(*columns).select_from(found).where(~last.c.deleted)
    if not isinstance(when, datetime):
        query = query.where(last.c.tick == when)
    return query.subquery(shortened(f"{first.name}_then"))


def _first(cls: Any) -> Table:
    """The table that an entity begins with: of the uppermost class that is tracked."""
    tracked = _tracked(cls)
    if not tracked:
        raise HistoryModelError(cls.__name__, "it has no history of its own")
    table: Table = tracked[0].__mapper__.local_table
    return table


def _tracked(cls: Any) -> list[Any]:
    """The classes that track something of an entity, the uppermost first.

    One in a table of its own that has all of the columns (concrete) begins anew.
    """
    found: list[Any] = []
    for above in cls.__mro__:
        if _has_table(above) and vars(above).get("_tracks"):
            found.insert(0, above)
            if above.__mapper__.concrete:
                break
    return found


def _has_table(cls: type) -> bool:
    """Whether a class is mapped; AbstractConcreteBase is mapped to its tables' union, later."""
    mapper: Mapper[Any] | None = vars(cls).get("__mapper__")
    return mapper is not None and isinstance(mapper.local_table, Table)


def _own_track(cls: Any) -> tuple[str, ...]:
    """What a class tracks itself: as it says, or a mixin or abstract class above it.

    A class above that has a table tracks its own columns; but one that is concrete has them all.
    """
    for above in cls.__mro__:
        table_of_another = above is not cls and _has_table(above)
        if table_of_another and not cls.__mapper__.concrete:
            return ()
        if "track" in vars(above):
            names: tuple[str, ...] = tuple(vars(above)["track"])
            if table_of_another:
                return tuple(one for one in names if _columns(cls, cls.__table__, one))
            return names
    return ()


def _own_key(table: Table, first: Table) -> tuple[str, ...]:
    """The columns that a joined table has for the key of the first, however they are named."""
    if table is first:
        return tuple(column.name for column in first.primary_key)
    names = {_root(column, first).name: column.name for column in table.primary_key}
    return tuple(names.get(column.name, column.name) for column in first.primary_key)


def _root(column: Column[Any], first: Table) -> Column[Any]:
    """The column of the first table that one refers to, by way of tables between."""
    seen = {column}
    while column.table is not first:
        above = next((key.column for key in column.foreign_keys if key.column not in seen), None)
        if above is None:
            break
        column = above
        seen.add(column)
    return column


def _column(cls: Any, table: Table, name: str) -> Column[Any]:
    found = _columns(cls, table, name)
    if not found:
        raise HistoryModelError(cls.__name__, f"{name} is no column of its table {table}")
    return found[0]


def _stored(cls: Any, column: Column[Any]) -> Column[Any]:
    if column.computed is not None and not column.computed.persisted:
        # A trigger's rows do not have it, and Postgres 18 stores none unless it is told to.
        raise HistoryModelError(
            cls.__name__, f"{column.name} is computed when it is read; Computed(persisted=True)"
        )
    return column


def _columns(cls: Any, table: Table, name: str) -> list[Column[Any]]:
    """The table's column of an attribute, or of that name.

    Without the mapper's `attrs`, which would configure all mappers before they are declared.
    """
    columns = list(table.c)
    keys = [_attribute(cls.__mapper__, column) for column in columns]
    if name in keys:
        return [columns[keys.index(name)]]
    return [one for one in columns if one.name == name]


def _attribute(mapper: Mapper[Any], column: Column[Any]) -> str | None:
    try:
        return mapper.get_property_by_column(column).key
    except UnmappedColumnError:
        return None


def _copy(column: Column[Any], *, key: bool = False) -> Column[Any]:
    return Column(column.name, column.type, primary_key=key, nullable=False, autoincrement=False)


def _info(first: Table, carried: tuple[str, ...]) -> dict[str, Any]:
    tenancy = {"tenancy": TenantRules(columns=carried)} if carried else {}
    return {"history_of": first.name, **tenancy}


def _key(first: Table, name: str) -> str:
    return f"{first.schema}.{name}" if first.schema else name


def _keep(target: Table, connection: sqlalchemy.Connection, **_: object) -> None:
    """After the tables are made: the order in which they are does not matter to triggers."""
    _execute(connection, statements(target.info["history"]))


def _keep_left(
    tracked: Table, target: Table, connection: sqlalchemy.Connection, **_: object
) -> None:
    _execute(connection, left_statements(tracked.info["history"], target.name))


def _execute(connection: sqlalchemy.Connection, made: list[str]) -> None:
    for statement in made:
        connection.exec_driver_sql(statement.replace("%", "%%"))
