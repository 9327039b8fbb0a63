"""The version clock of devices and the history of each property."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import INT4RANGE, JSONB, Range
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from hub.database.tenancy.models import TenantRules
from hub.models.base import Base, Instant, OwnTenant, TenantId

__all__ = [
    "Activity",
    "ActivityRow",
    "AttributesHistory",
    "CalibrationHistory",
    "FirmwareHistory",
    "History",
    "IntervalHistory",
    "KeyHistory",
    "LocationHistory",
    "NameHistory",
    "OwnerHistory",
    "Tick",
]


class Xid8(UserDefinedType[int]):
    """A transaction's number."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """The type's name in Postgres."""
        return "xid8"


@dataclass(frozen=True, slots=True)
class Activity:
    """Who changes something, and why."""

    who: str
    why: str


class ActivityRow(Base):
    """An activity as kept; one that led to no tick is not kept."""

    __tablename__ = "activity"
    tenant_id: Mapped[OwnTenant]
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    who: Mapped[str] = mapped_column(Text)
    why: Mapped[str] = mapped_column(Text)
    at: Mapped[Instant] = mapped_column(server_default=text("clock_timestamp()"))


class Tick(Base):
    """One step of a device's version clock, by the database's time."""

    __tablename__ = "tick"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "activity_id"], ["dormouse.activity.tenant_id", "dormouse.activity.id"]
        ),
        Index("tick_by_time", "tenant_id", "at"),
    )

    tenant_id: Mapped[TenantId] = mapped_column(primary_key=True)
    device_id: Mapped[int] = mapped_column(primary_key=True)
    tick: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[Instant]
    activity_id: Mapped[int | None] = mapped_column(BigInteger)
    role: Mapped[str] = mapped_column(Text, server_default=text("session_user"))
    xact: Mapped[int] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))
    deleted: Mapped[bool] = mapped_column(server_default=text("false"))


class History:
    """The value a property had over a range of ticks; the open range is the present."""

    # No foreign key: it outlives its device.
    __tenancy__ = TenantRules(columns=("tenant_id",))

    tenant_id: Mapped[TenantId]
    # Together they are no primary key in the database, where an exclusion constraint says more.
    device_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    ticks: Mapped[Range[int]] = mapped_column(INT4RANGE, primary_key=True)


class NameHistory(History, Base):
    """Names a device had."""

    __tablename__ = "device_name_history"
    value: Mapped[str | None] = mapped_column(Text)


class LocationHistory(History, Base):
    """Places a device was said to be in; `value` is the place's id."""

    __tablename__ = "device_location_id_history"
    value: Mapped[int | None]


class IntervalHistory(History, Base):
    """Intervals (s) wanted of a device."""

    __tablename__ = "device_interval_s_history"
    value: Mapped[int | None]


class OwnerHistory(History, Base):
    """Owners a device had."""

    __tablename__ = "device_owner_history"
    value: Mapped[str | None] = mapped_column(Text)


class FirmwareHistory(History, Base):
    """Firmware a device ran."""

    __tablename__ = "device_firmware_history"
    value: Mapped[str | None] = mapped_column(Text)


class KeyHistory(History, Base):
    """Ids a device had: that of a device whose place it took, until it did."""

    __tablename__ = "device_key_history"
    __table_args__ = (Index("device_key_history_by_value", "tenant_id", "value"),)
    value: Mapped[str | None] = mapped_column(Text)


class AttributesHistory(History, Base):
    """What people noted about a device, each time as a whole."""

    __tablename__ = "device_attributes_history"
    value: Mapped[Any | None] = mapped_column(JSONB)


class CalibrationHistory(History, Base):
    """The calibrations of a device's series, each time as a whole."""

    __tablename__ = "device_calibration_history"
    value: Mapped[Any | None] = mapped_column(JSONB)
