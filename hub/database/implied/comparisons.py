"""What may be asked of an implied relation in a WHERE."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, SelectBase, and_, false, not_, tuple_
from sqlalchemy.orm import RelationshipProperty

from hub.database.errors import ImpliedRelationError

__all__ = ["ImpliedComparator"]


class ImpliedComparator(RelationshipProperty.Comparator[Any]):
    """Comparisons of a relation that has no key of its own, with objects, keys and None.

    A key of several columns is a tuple. Without a row that it belongs to, something is unequal to
    all of them: `!=` and `not_in` find it too. Raises ImpliedRelationError for an object that has
    no key yet and for a key of another shape.
    """

    # The ignores: SQLAlchemy's comparisons answer with an expression, object's with a bool.
    def __eq__(self, other: object) -> ColumnElement[bool]:  # type: ignore[override]
        """Related to that object, or to the one with that key; None: there is none."""
        return not_(self._exists()) if other is None else self.in_([other])

    def __ne__(self, other: object) -> ColumnElement[bool]:  # type: ignore[override]
        """Not related to it, be it to another or to none; None: there is one."""
        return self._exists() if other is None else not_(self.in_([other]))

    __hash__ = RelationshipProperty.Comparator.__hash__  # type: ignore[assignment]

    def is_(self, other: object) -> ColumnElement[bool]:  # type: ignore[override]
        """`is_(None)`: there is none."""
        return self == other

    def is_not(self, other: object) -> ColumnElement[bool]:  # type: ignore[override]
        """`is_not(None)`: there is one."""
        return self != other

    def in_(self, others: Any) -> ColumnElement[bool]:  # type: ignore[override]
        """Related to one of these: objects and keys as they come, or a query of keys."""
        columns = self._columns()
        if isinstance(others, SelectBase):
            if len(others.selected_columns) != len(columns):
                raise ImpliedRelationError(self._name(), f"a query of {self._key_names()} is asked")
            left = tuple_(*columns) if len(columns) > 1 else columns[0]
            return self._exists(left.in_(others))
        keys = [self._key(other) for other in _listed(others)]
        if not keys:
            return false()
        if len(columns) == 1:
            return self._exists(columns[0].in_([key[0] for key in keys]))
        same = (and_(*(c == k for c, k in zip(columns, key, strict=True))) for key in keys)
        return self._exists(sqlalchemy.or_(*same))

    def not_in(self, others: Any) -> ColumnElement[bool]:  # type: ignore[override]
        """Related to none of these."""
        return not_(self.in_(others))

    def contains(self, other: Any, **_: Any) -> ColumnElement[bool]:
        """Has that one among those that belong to it; of a list, all of them."""
        several = isinstance(other, list | set | frozenset)
        if not several:
            return self.in_([other])
        return and_(sqlalchemy.true(), *(self.in_([one]) for one in other))

    def _exists(self, criterion: ColumnElement[bool] | None = None) -> ColumnElement[bool]:
        return self.any(criterion) if self.property.uselist else self.has(criterion)

    def _columns(self) -> list[Any]:
        # By attributes: they follow where the relation is `of_type` of an alias.
        entity = self.entity.entity if self._of_type is None else self._of_type.entity
        mapper = self.property.mapper
        return [
            getattr(entity, mapper.get_property_by_column(column).key)
            for column in mapper.primary_key
        ]

    def _key(self, other: Any) -> tuple[Any, ...]:
        mapper = self.property.mapper
        if isinstance(other, mapper.class_):
            key = tuple(mapper.primary_key_from_instance(other))
            if None in key:
                raise ImpliedRelationError(
                    self._name(), f"{other!r} has no key yet: flush it first"
                )
            return key
        key = other if isinstance(other, tuple) else (other,)
        mapped = sqlalchemy.inspect(type(other), raiseerr=False)
        if (
            len(key) != len(mapper.primary_key)
            or None in key  # which is no member of a list: `is_(None)` asks for that
            or isinstance(mapped, sqlalchemy.orm.Mapper)
        ):
            raise ImpliedRelationError(
                self._name(),
                f"{other!r} is no {mapper.class_.__name__} nor its {self._key_names()}",
            )
        return key

    def _name(self) -> str:
        return f"{self.property.parent.class_.__name__}.{self.property.key}"

    def _key_names(self) -> str:
        return ", ".join(column.name for column in self.property.mapper.primary_key)


def _listed(others: Any) -> list[Any]:
    if isinstance(others, str | bytes) or not isinstance(others, Iterable):
        raise ImpliedRelationError("in_", f"{others!r} is no list of objects or keys")
    return list(others)
