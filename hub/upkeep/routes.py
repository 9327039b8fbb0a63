"""What is kept how long, how much there is, and what was done about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from contracts.reading import SeriesKey
from hub.api.access import OPERATOR_ONLY, Operator
from hub.database.lease.holder import WorkerStanding
from hub.readings.retention import PartitionOfMonth, StoredRule
from hub.upkeep.packing import PackedOfTenant, PackingRun
from hub.upkeep.service import Upkeep, UpkeepRun

__all__ = ["routes"]


class RuleOut(BaseModel):
    """How many days readings, hourly and daily bins are kept; null: for ever.

    `of` is a series, a characteristic's name, or null for all of the tenant.
    """

    tenant: str
    of: str | None
    raw_days: int | None
    hourly_days: int | None
    daily_days: int | None


class MonthOut(BaseModel):
    """The readings of a month, of all tenants; `rows` is an estimate."""

    name: str
    rows: int
    bytes: int


class PackedOut(BaseModel):
    """Old readings that a tenant has packed: `days` are a series' each; bytes without the index.

    `since` and `until` say of when they are; null where there are none.
    """

    tenant: str
    days: int
    readings: int
    bytes: int
    since: datetime | None
    until: datetime | None


class PackingOut(BaseModel):
    """What was packed at a time; `unfinished`: there is more, which the next minutes take on."""

    before: datetime = Field(description="what is older is packed")
    readings: dict[str, int] = Field(description="by tenant")
    months: list[str] = Field(description="those of which all is packed")
    unfinished: bool


class RunOut(BaseModel):
    """What was done at a time; `finished_at` is null while it is under way."""

    at: datetime
    finished_at: datetime | None
    months: list[str] = Field(description="those that went as a whole")
    rows: dict[str, int] = Field(description="readings and bins that went, by tenant")
    packed: PackingOut | None = Field(description="null where nothing is ever packed")
    vacuumed: list[str]
    problem: str


class WorkerOut(BaseModel):
    """A worker of the database, and what it has: brokers (`cell HOST:PORT`), the duties."""

    mark: str = Field(description="what tells it from others of its machine")
    host: str
    leases: list[str]


class UpkeepOut(BaseModel):
    """The database as it is kept. `vacuums`: false where another server does that by itself."""

    bytes: int
    dead_rows: int
    vacuums: bool
    rules: list[RuleOut]
    months: list[MonthOut]
    packed: list[PackedOut]
    workers: list[WorkerOut] = Field(description="none where one hub has the database for itself")
    last: RunOut | None
    next_at: datetime | None


def routes(
    upkeep: Upkeep,
    tenants: Callable[[], Awaitable[list[str]]],
    workers: Callable[[], list[WorkerStanding]],
) -> APIRouter:
    """/upkeep."""
    router = APIRouter(prefix="/upkeep", tags=["operator"], dependencies=[OPERATOR_ONLY])

    @router.get("")
    async def state(caller: Operator) -> UpkeepOut:
        """What is kept how long, how much there is, and what went when."""
        size, dead = await upkeep.sizes()
        return UpkeepOut(
            bytes=size,
            dead_rows=dead,
            vacuums=upkeep.vacuums,
            rules=[
                _rule(name, rule)
                for name in await tenants()
                if caller.means(name)
                for rule in await upkeep.rules(name)
            ],
            months=[_month(one) for one in await upkeep.months()],
            packed=[
                _packed(name, await upkeep.packed(name))
                for name in await tenants()
                if caller.means(name)
            ],
            workers=[
                WorkerOut(mark=one.mark, host=one.host, leases=list(one.leases))
                for one in workers()
            ],
            last=None if upkeep.last is None else _run(upkeep.last),
            next_at=upkeep.next_at,
        )

    @router.post("")
    async def run(caller: Operator) -> RunOut:  # noqa: ARG001  # of all tenants
        """Do now what is done every six hours."""
        return _run(await upkeep.run())

    return router


def _rule(tenant: str, stored: StoredRule) -> RuleOut:
    of = stored.of.full_name if isinstance(stored.of, SeriesKey) else stored.of
    days = stored.rule
    return RuleOut(
        tenant=tenant,
        of=of,
        raw_days=days.raw_days,
        hourly_days=days.hourly_days,
        daily_days=days.daily_days,
    )


def _month(month: PartitionOfMonth) -> MonthOut:
    return MonthOut(name=month.name, rows=month.rows, bytes=month.size)


def _packed(tenant: str, packed: PackedOfTenant) -> PackedOut:
    return PackedOut(
        tenant=tenant,
        days=packed.days,
        readings=packed.readings,
        bytes=packed.size,
        since=packed.since,
        until=packed.until,
    )


def _packing(run: PackingRun) -> PackingOut:
    return PackingOut(
        before=run.before, readings=run.readings, months=run.months, unfinished=run.unfinished
    )


def _run(run: UpkeepRun) -> RunOut:
    tenants = sorted({one.tenant for one in run.expired})
    return RunOut(
        at=run.at,
        finished_at=run.finished_at,
        months=[month.name for month in run.months],
        rows={tenant: run.rows_of(tenant) for tenant in tenants},
        packed=None if run.packed is None else _packing(run.packed),
        vacuumed=run.vacuumed,
        problem=run.problem,
    )
