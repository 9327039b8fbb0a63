"""A device whose properties have a history."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    UniqueConstraint,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_object_session
from sqlalchemy.orm import Mapped, aliased, mapped_column, relationship

from hub.database.errors import NoActivityError, NoSessionError
from hub.database.refusals import typed
from hub.models.base import Base, Instant, Key, OwnTenant
from hub.models.history import (
    Activity,
    ActivityRow,
    AttributesHistory,
    CalibrationHistory,
    FirmwareHistory,
    History,
    IntervalHistory,
    KeyHistory,
    LocationHistory,
    NameHistory,
    OwnerHistory,
)
from hub.models.places import Place

__all__ = ["TRACKED", "DeviceRow", "DeviceThen", "PropertyChangeRow"]

TRACKED = ("name", "location_id", "location", "interval_s", "owner", "firmware")
"""Attributes that may change only within a tick."""

HISTORIES = (
    "name_history",
    "location_history",
    "interval_history",
    "owner_history",
    "firmware_history",
    "calibration_history",
    "key_history",
    "attributes_history",
)


def _history(of: type[History]) -> Any:
    return relationship(
        of,
        primaryjoin=f"DeviceRow.id == foreign({of.__name__}.device_id)",
        order_by=f"func.lower({of.__name__}.ticks)",
        viewonly=True,
    )


class DeviceRow(Base):
    """A device, as it is now.

    Change what has a history within `clock_tick`:

        async with device.clock_tick(Activity("ann", "moved house")):
            device.location = attic
    """

    __tablename__ = "device"
    __table_args__ = (
        UniqueConstraint("tenant_id", "key"),
        ForeignKeyConstraint(
            ["tenant_id", "location_id"],
            ["dormouse.place.tenant_id", "dormouse.place.id"],
            name="device_location_fkey",
        ),
        Index("device_by_location", "tenant_id", "location_id"),
    )

    tenant_id: Mapped[OwnTenant]
    id: Mapped[Key]
    key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Instant] = mapped_column(server_default=text("now()"))
    name: Mapped[str | None] = mapped_column(Text)
    location_id: Mapped[int | None]
    interval_s: Mapped[int | None]
    owner: Mapped[str | None] = mapped_column(Text)
    firmware: Mapped[str | None] = mapped_column(Text)
    calibration: Mapped[Any | None] = mapped_column(JSONB)
    attributes: Mapped[Any | None] = mapped_column(JSONB)

    location: Mapped[Place | None] = relationship(
        primaryjoin="foreign(DeviceRow.location_id) == Place.id", lazy="selectin"
    )
    name_history: Mapped[list[NameHistory]] = _history(NameHistory)
    location_history: Mapped[list[LocationHistory]] = _history(LocationHistory)
    interval_history: Mapped[list[IntervalHistory]] = _history(IntervalHistory)
    owner_history: Mapped[list[OwnerHistory]] = _history(OwnerHistory)
    firmware_history: Mapped[list[FirmwareHistory]] = _history(FirmwareHistory)
    calibration_history: Mapped[list[CalibrationHistory]] = _history(CalibrationHistory)
    key_history: Mapped[list[KeyHistory]] = _history(KeyHistory)
    attributes_history: Mapped[list[AttributesHistory]] = _history(AttributesHistory)

    @asynccontextmanager
    async def clock_tick(
        self, activity: Activity, *, since: datetime | None = None
    ) -> AsyncIterator[None]:
        """What is changed within the block becomes one tick, written at its end.

        A block that changes nothing makes no tick. `since` says when a new location was taken,
        for one told later; now when None. When the block raises, the changes are dropped. Raises
        NoSessionError, and DatabaseError leaves for what the database refuses.
        """
        session = async_object_session(self)
        if session is None:
            raise NoSessionError
        if not isinstance(activity, Activity):
            raise NoActivityError(self.key, [])
        try:
            with session.no_autoflush:
                yield
                if session.is_modified(self):
                    await self._tick(session, activity, since)
        except BaseException:
            if self in session:  # one that was added in the same transaction is gone with it
                session.expire(self)
            raise

    async def _tick(
        self, session: AsyncSession, activity: Activity, since: datetime | None
    ) -> None:
        made = await session.execute(
            insert(ActivityRow).values(who=activity.who, why=activity.why).returning(ActivityRow.id)
        )
        session.sync_session.info["activity"] = made.scalar_one()
        await _set_activity(session, str(session.sync_session.info["activity"]), since)
        try:
            with typed():
                await session.flush()
        finally:
            session.sync_session.info.pop("activity")
        await _set_activity(session, "", None)
        loaded = [name for name in HISTORIES if name not in inspect(self).unloaded]
        await session.refresh(self, [*loaded, "location"])

    @classmethod
    def as_of(cls, instant: datetime, device: int | None = None) -> Select[tuple[DeviceThen]]:
        """A query of the devices that were there at an instant, as they were then.

        All, or the one with that id. To filter and join, select from `then`.
        """
        return select(then(instant, device))

    async def changes(self, since: datetime, until: datetime) -> list[PropertyChangeRow]:
        """What changed of this device, since < at <= until, in order. Raises NoSessionError."""
        session = async_object_session(self)
        if session is None:
            raise NoSessionError
        columns = PropertyChangeRow.__table__.columns
        rows = func.dormouse.device_changes(self.id, since, until).table_valued(*columns)
        changes = aliased(PropertyChangeRow, rows.alias("device_change"), adapt_on_names=True)
        return list((await session.scalars(select(changes))).all())


_FUNCTIONS = MetaData()
_INSTANT = DateTime(timezone=True)


class DeviceThen(Base):
    """A device as it was at an instant; `at` is when its tick was made. Read only."""

    __table__ = Table(
        "device_as_of",
        _FUNCTIONS,
        Column("tenant_id", Integer),
        Column("id", Integer, primary_key=True),
        Column("tick", Integer),
        Column("at", _INSTANT, primary_key=True),
        Column("name", Text),
        Column("location_id", Integer),
        Column("interval_s", Integer),
        Column("owner", Text),
        Column("firmware", Text),
        Column("calibration", JSONB),
        Column("attributes", JSONB),
    )

    id: Mapped[int]
    tick: Mapped[int]
    at: Mapped[datetime]
    name: Mapped[str | None]
    location_id: Mapped[int | None]
    interval_s: Mapped[int | None]
    owner: Mapped[str | None]
    firmware: Mapped[str | None]
    calibration: Mapped[Any | None]
    attributes: Mapped[Any | None]


class PropertyChangeRow(Base):
    """A property that went from one value to another at a tick. Read only.

    `who` and `why` are None for a change made past this package; `role` is the database's.
    """

    __table__ = Table(
        "device_changes",
        _FUNCTIONS,
        Column("device_id", Integer, primary_key=True),
        Column("tick", Integer, primary_key=True),
        Column("property", Text, primary_key=True),
        Column("at", _INSTANT),
        Column("before", JSONB),
        Column("after", JSONB),
        Column("who", Text),
        Column("why", Text),
        Column("role", Text),
    )

    device_id: Mapped[int]
    tick: Mapped[int]
    at: Mapped[datetime]
    property: Mapped[str]
    before: Mapped[Any]
    after: Mapped[Any]
    who: Mapped[str | None]
    why: Mapped[str | None]
    role: Mapped[str]


def then(instant: datetime, device: int | None = None) -> type[DeviceThen]:
    """DeviceThen as of an instant (all, or one device), to select from and to compare."""
    columns = DeviceThen.__table__.columns
    rows = func.dormouse.device_as_of(instant, device).table_valued(*columns, name="device_then")
    return aliased(DeviceThen, rows, adapt_on_names=True)


async def _set_activity(session: AsyncSession, activity: str, since: datetime | None) -> None:
    await session.execute(
        select(
            func.set_config("dormouse.activity", activity, True),
            func.set_config("dormouse.since", since.isoformat() if since else "", True),
        )
    )
