"""Series and readings, and what they are calibrated with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import TSTZRANGE, Range
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from hub.database.implied import implied
from hub.database.tenancy.models import TenantRules
from hub.models.base import Base, Instant, Key, TenantId, TenantKey
from hub.models.places import Placement

__all__ = ["Calibration", "Daily", "Hourly", "PackedDay", "ReadingRow", "SeriesRow"]


class Tid(UserDefinedType[str]):
    """Where a row lies."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """The type's name in Postgres."""
        return "tid"


class SeriesRow(Base):
    """One characteristic of one service of one device."""

    __tablename__ = "series"
    __table_args__ = (
        UniqueConstraint("tenant_id", "device_id", "service", "index", "characteristic"),
        ForeignKeyConstraint(
            ["tenant_id", "device_id"], ["dormouse.device.tenant_id", "dormouse.device.id"]
        ),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    device_id: Mapped[int]
    service: Mapped[str] = mapped_column(Text)
    index: Mapped[int] = mapped_column(SmallInteger)
    characteristic: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)


class Calibration(Base):
    """gain * value + offset_by, for a time."""

    __tablename__ = "calibration"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "series_id"],
            ["dormouse.series.tenant_id", "dormouse.series.id"],
            ondelete="CASCADE",
        ),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    series_id: Mapped[int]
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    gain: Mapped[float] = mapped_column(Double, default=1.0)
    offset_by: Mapped[float] = mapped_column(Double, default=0.0)


_VIEWS = MetaData(schema="dormouse")


class ReadingRow(Base):
    """A reading, calibrated as of its own time; read only.

    Two readings may be alike in everything, so where the row lies is part of its identity; it
    never changes, for readings are not updated.
    """

    __table__ = Table(
        "calibrated",
        _VIEWS,
        Column("tenant_id", Integer),
        Column("series_id", Integer, primary_key=True),
        Column("device_id", Integer),
        Column("at", DateTime(timezone=True), primary_key=True),
        Column("row_id", Tid, primary_key=True),
        Column("raw", Double),
        Column("value", Double),
        Column("text", Text),
    )

    device_id: Mapped[int]
    series_id: Mapped[int]
    at: Mapped[datetime]
    raw: Mapped[float | None]
    value: Mapped[float | None]
    text: Mapped[str | None]

    placement: Mapped[Placement | None] = implied(
        Placement, from_fields=("device_id", "at"), to_fields=("device_id", "during")
    )


class Rollup:
    """What a series did within a bin that begins at `start` (UTC); calibrated values."""

    tenant_id: Mapped[TenantId] = mapped_column(primary_key=True)
    series_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    start: Mapped[Instant] = mapped_column(primary_key=True)
    n: Mapped[int]
    total: Mapped[float] = mapped_column(Double)
    low: Mapped[float] = mapped_column(Double)
    high: Mapped[float] = mapped_column(Double)
    last: Mapped[float] = mapped_column(Double)
    last_at: Mapped[Instant]
    # Before calibration; None where nothing of the bin is calibrated.
    raw_total: Mapped[float | None] = mapped_column(Double)
    raw_low: Mapped[float | None] = mapped_column(Double)
    raw_high: Mapped[float | None] = mapped_column(Double)
    raw_last: Mapped[float | None] = mapped_column(Double)

    @property
    def mean(self) -> float:
        """The readings' mean, each of the same weight."""
        return self.total / self.n


def _of_series() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant_id", "series_id"],
        ["dormouse.series.tenant_id", "dormouse.series.id"],
        ondelete="CASCADE",
    )


class Hourly(Rollup, Base):
    """Bins of an hour."""

    __tablename__ = "hourly"
    __table_args__ = (_of_series(),)


class Daily(Rollup, Base):
    """Bins of a day."""

    __tablename__ = "daily"
    __table_args__ = (_of_series(),)


class PackedDay(Base):
    """The readings of a series' day (UTC): see 0031_packed.sql for what the arrays hold."""

    __tablename__ = "packed_day"
    __table_args__ = (_of_series(),)

    tenant_id: Mapped[TenantId] = mapped_column(primary_key=True)
    series_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    day: Mapped[Instant] = mapped_column(primary_key=True)
    first: Mapped[Instant]
    step: Mapped[int] = mapped_column(BigInteger)
    unit: Mapped[int]
    n: Mapped[int]
    origin: Mapped[int | None] = mapped_column(BigInteger)
    scale: Mapped[float | None] = mapped_column(Double)
    small_gaps: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))
    gaps: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    times: Mapped[list[datetime] | None] = mapped_column(ARRAY(DateTime(timezone=True)))
    small_changes: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))
    changes: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    numbers: Mapped[list[float | None] | None] = mapped_column(ARRAY(Double))
    texts: Mapped[list[str | None] | None] = mapped_column(ARRAY(Text))


# The raw table, for the declared schema alone: it is written by dormouse.store_readings.
Table(
    "reading",
    Base.metadata,
    Column("tenant_id", Integer, nullable=False),
    Column("series_id", Integer, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("value", Double),
    Column("text", Text),
    Index("reading_by_series", "tenant_id", "series_id", "at"),
    # Its foreign key is that of `latest`.
    info={"tenancy": TenantRules(columns=("tenant_id",))},
)
