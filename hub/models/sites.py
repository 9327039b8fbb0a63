"""Tables of places with a network of their own, declared to be compared with the migrations."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import CIDR, INET

from hub.models.base import Base

__all__: list[str] = []


def _text(name: str) -> Column[object]:
    return Column(name, Text, nullable=False)


Table(
    "site", Base.metadata,
    Column(
        "tenant_id", Integer, ForeignKey("dormouse.tenant.id"), primary_key=True, nullable=False
    ),
    Column("id", Integer, primary_key=True), _text("name"),
    Column("number", Integer, nullable=False), Column("place_id", Integer),
    _text("endpoint"), _text("site_endpoint"),
    Column("hub_address", INET, nullable=False), Column("site_address", INET, nullable=False),
    _text("hub_key"), _text("site_key"), _text("made_by"),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("heard_at", DateTime(timezone=True)),
    UniqueConstraint("tenant_id", "name"), UniqueConstraint("tenant_id", "number"),
    ForeignKeyConstraint(
        ["tenant_id", "place_id"], ["dormouse.place.tenant_id", "dormouse.place.id"],
        ondelete="SET NULL (place_id)",
    ),
)  # fmt: skip
Table(
    "site_network", Base.metadata,
    Column("tenant_id", Integer, primary_key=True), Column("site_id", Integer, primary_key=True),
    Column("network", CIDR, primary_key=True), Column("of_home", Boolean, nullable=False),
    ForeignKeyConstraint(
        ["tenant_id", "site_id"], ["dormouse.site.tenant_id", "dormouse.site.id"],
        ondelete="CASCADE",
    ),
)  # fmt: skip
