"""Places as a tree, and when a device was where."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import TSTZRANGE, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.database.implied import implied
from hub.models.base import Base, Key, OwnTenant, TenantKey

__all__ = ["Place", "Placement"]


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
    zone: Mapped[str | None] = mapped_column(Text)


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
    # Of hub.models.readings, which knows places.
    readings: Mapped[list[Any]] = implied(
        "ReadingRow",
        from_fields=("device_id", "during"),
        to_fields=("device_id", "at"),
        order_by="ReadingRow.at",
    )
