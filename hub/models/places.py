"""Places as a tree, and when a device was where."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    and_,
    false,
    not_,
)
from sqlalchemy.dialects.postgresql import TSTZRANGE, Range
from sqlalchemy.orm import Mapped, RelationshipProperty, mapped_column, relationship

from hub.models.base import Base, Key, OwnTenant, TenantKey

__all__ = ["ImpliedComparator", "Place", "Placement"]


class Place(Base):
    """A room, a house, a school: somewhere a device can be, within another or not."""

    __tablename__ = "place"
    __table_args__ = (
        UniqueConstraint("tenant_id", "parent_id", "name", postgresql_nulls_not_distinct=True),
        ForeignKeyConstraint(
            ["tenant_id", "parent_id"], ["dormouse.place.tenant_id", "dormouse.place.id"]
        ),
    )

    tenant_id: Mapped[OwnTenant]
    id: Mapped[Key]
    parent_id: Mapped[int | None]
    name: Mapped[str] = mapped_column(Text)


class ImpliedComparator(RelationshipProperty.Comparator[Any]):
    """Comparisons of a relation that follows from time, not from a column.

    There is no key to be null: `== None` means that no such row exists; `in_` takes objects.
    """

    def __eq__(self, other: object) -> ColumnElement[bool]:  # type: ignore[override]
        return not_(self._exists()) if other is None else super().__eq__(other)

    def __ne__(self, other: object) -> ColumnElement[bool]:  # type: ignore[override]
        return self._exists() if other is None else not_(super().__eq__(other))

    __hash__ = RelationshipProperty.Comparator.__hash__  # type: ignore[assignment]

    def is_(self, other: object) -> ColumnElement[bool]:  # type: ignore[override]
        """`is_(None)`: there is none."""
        return self == other

    def is_not(self, other: object) -> ColumnElement[bool]:  # type: ignore[override]
        """`is_not(None)`: there is one."""
        return self != other

    def in_(self, others: Any) -> ColumnElement[bool]:  # type: ignore[override]
        """Related to one of these objects."""
        mapper = self.property.mapper
        keys = [mapper.primary_key_from_instance(other) for other in others]
        if not keys:
            return false()
        target = mapper.primary_key
        criterion = [column.in_([key[n] for key in keys]) for n, column in enumerate(target)]
        return self.any(and_(*criterion)) if self.property.uselist else self.has(and_(*criterion))

    def _exists(self) -> ColumnElement[bool]:
        return self.any() if self.property.uselist else self.has()


class Placement(Base):
    """A device in a place for a time; no two of a device overlap."""

    __tablename__ = "placement"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "device_id"],
            ["dormouse.device.tenant_id", "dormouse.device.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["tenant_id", "location_id"], ["dormouse.place.tenant_id", "dormouse.place.id"]
        ),
        Index("placement_by_location", "tenant_id", "location_id"),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    device_id: Mapped[int]
    location_id: Mapped[int]
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)

    location: Mapped[Place] = relationship(
        primaryjoin="foreign(Placement.location_id) == Place.id", viewonly=True
    )
    readings: Mapped[list[Any]] = (
        relationship(  # of hub.models.readings.ReadingRow, which knows places
            "ReadingRow",
            primaryjoin="and_(Placement.device_id == foreign(ReadingRow.device_id),"
            " Placement.during.op('@>', is_comparison=True)(foreign(ReadingRow.at)))",
            comparator_factory=ImpliedComparator,
            order_by="ReadingRow.at",
            viewonly=True,
        )
    )
