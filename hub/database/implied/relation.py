"""The relation itself: pairs of columns that are equal, or one within the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import sqlalchemy
from sqlalchemy import Column, ColumnElement, event
from sqlalchemy.dialects.postgresql import ranges
from sqlalchemy.orm import (
    Mapper,
    Relationship,
    RelationshipProperty,
    foreign,
    relationship,
    remote,
)

from hub.database.errors import ImpliedRelationError
from hub.database.implied.comparisons import ImpliedComparator

__all__ = ["implied"]

_ELEMENTS: dict[type[Any], tuple[type[Any], ...]] = {
    ranges.DATERANGE: (sqlalchemy.Date,),
    ranges.DATEMULTIRANGE: (sqlalchemy.Date,),
    ranges.TSTZRANGE: (sqlalchemy.DateTime,),
    ranges.TSTZMULTIRANGE: (sqlalchemy.DateTime,),
    ranges.TSRANGE: (sqlalchemy.DateTime,),
    ranges.TSMULTIRANGE: (sqlalchemy.DateTime,),
    ranges.INT4RANGE: (sqlalchemy.Integer,),
    ranges.INT4MULTIRANGE: (sqlalchemy.Integer,),
    ranges.INT8RANGE: (sqlalchemy.Integer,),
    ranges.INT8MULTIRANGE: (sqlalchemy.Integer,),
    ranges.NUMRANGE: (sqlalchemy.Numeric, sqlalchemy.Integer),
    ranges.NUMMULTIRANGE: (sqlalchemy.Numeric, sqlalchemy.Integer),
}
"""Types of ranges, and what may lie in one."""

_CASTS: dict[type[Any], Any] = {
    ranges.INT4RANGE: sqlalchemy.Integer(),
    ranges.INT4MULTIRANGE: sqlalchemy.Integer(),
    ranges.INT8RANGE: sqlalchemy.BigInteger(),
    ranges.INT8MULTIRANGE: sqlalchemy.BigInteger(),
    ranges.NUMRANGE: sqlalchemy.Numeric(),
    ranges.NUMMULTIRANGE: sqlalchemy.Numeric(),
}
"""Numbers have several types in Postgres, a range only one: what lies in it is made that."""


def implied(
    target: Any,
    *,
    from_fields: Sequence[str],
    to_fields: Sequence[str],
    order_by: Any = False,
) -> Relationship[Any]:
    """A relation to the rows of `target` whose `to_fields` match this one's `from_fields`.

    Fields are attributes, taken in pairs: where one of a pair is a range the other lies in it,
    others are equal. One side has all the ranges: from the other it is one object or None, from
    it a list (declare it on both, with the fields changed over). That there is but one, an
    exclusion constraint sees to; where there may be several, `Mapped[list[...]]` has them all. It
    is loaded like any relationship (lazily, `joinedload`, `selectinload`), joined, and asked by
    ImpliedComparator; it is never written. What does not match raises ImpliedRelationError when
    mappers are configured.
    """
    made: Relationship[Any] = relationship(
        target,
        primaryjoin=lambda: _join(made, from_fields, to_fields),
        comparator_factory=ImpliedComparator,
        order_by=order_by,
        viewonly=True,
    )
    return made


def _join(
    made: RelationshipProperty[Any], from_fields: Sequence[str], to_fields: Sequence[str]
) -> ColumnElement[bool]:
    made._setup_entity()  # noqa: SLF001  # else it asks for the join before it knows the target
    if made.uselist is None and made.collection_class is not None:
        made.uselist = True  # annotated as a list, whichever side has the ranges
    name = f"{made.parent.class_.__name__}.{made.key}"
    if len(from_fields) != len(to_fields):
        raise ImpliedRelationError(name, "from_fields and to_fields go in pairs")
    pairs = [
        (_column(name, made.parent, one), _column(name, made.mapper, other))
        for one, other in zip(from_fields, to_fields, strict=True)
    ]
    here = any(_is_range(one) for one, _ in pairs)
    there = any(_is_range(other) for _, other in pairs)
    if here == there:
        reason = "both sides have ranges" if here else "no field is a range"
        raise ImpliedRelationError(name, reason)
    event.listen(getattr(made.parent.class_, made.key), "set", _refuse, propagate=True)
    return sqlalchemy.and_(*(_matching(name, one, other, to_range=there) for one, other in pairs))


def _matching(
    name: str, one: Column[Any], other: Column[Any], *, to_range: bool
) -> ColumnElement[bool]:
    # Whoever has the value is the one that belongs to the other, as if by a foreign key.
    mine = cast("ColumnElement[Any]", foreign(one) if to_range else one)
    its = cast("ColumnElement[Any]", remote(other) if to_range else foreign(remote(other)))
    if _is_range(one):
        return _within(name, one, mine, other, its)
    if _is_range(other):
        return _within(name, other, its, one, mine)
    return mine == its


def _within(
    name: str,
    range_: Column[Any],
    around: ColumnElement[Any],
    column: Column[Any],
    value: ColumnElement[Any],
) -> ColumnElement[bool]:
    kind, held = type(_stored(range_)), _stored(column)
    fits = isinstance(held, _ELEMENTS.get(kind, ()))
    if fits and isinstance(held, sqlalchemy.DateTime):
        fits = held.timezone == (kind in {ranges.TSTZRANGE, ranges.TSTZMULTIRANGE})
    if not fits:
        raise ImpliedRelationError(name, f"{column} ({column.type!r}) cannot lie in {range_}")
    if kind in _CASTS:
        value = sqlalchemy.cast(value, _CASTS[kind])
    return around.op("@>", is_comparison=True)(value)


def _is_range(column: Column[Any]) -> bool:
    return isinstance(_stored(column), ranges.AbstractRange)


def _stored(column: Column[Any]) -> sqlalchemy.types.TypeEngine[Any]:
    """A column's type as the database has it: a program's own decorates one of those."""
    found: sqlalchemy.types.TypeEngine[Any] = column.type
    while isinstance(found, sqlalchemy.TypeDecorator):
        found = found.impl_instance
    return found


def _column(name: str, mapper: Mapper[Any], field: str) -> Column[Any]:
    # Of a table that inherits the key is in both, its own first.
    columns: Sequence[Any] = getattr(mapper.attrs.get(field), "columns", ())
    column = columns[0] if columns else None
    if not isinstance(column, Column):
        raise ImpliedRelationError(name, f"{mapper.class_.__name__} has no column {field!r}")
    return column


def _refuse(target: object, _value: object, _old: object, initiator: Any) -> None:
    raise ImpliedRelationError(
        f"{type(target).__name__}.{initiator.key}",
        "it follows from values, and is not set: change those",
    )
