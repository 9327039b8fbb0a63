"""How long things are kept, and removing what has had its time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contracts import topics
from contracts.reading import SeriesKey
from hub.database.database import Database, TenantDatabase
from hub.database.errors import ForeignRowError, RetentionError
from hub.database.queries import Queries

__all__ = ["Expired", "ExpiredPartition", "RetentionRule", "remove_expired", "set_retention"]

_QUERIES = Queries.of("hub.readings")


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """Days that readings, hourly and daily rollups are kept; None: for ever."""

    raw_days: int | None = None
    hourly_days: int | None = None
    daily_days: int | None = None

    def validate(self) -> None:
        """Raises RetentionError for days below 1 and rollups kept shorter than what they are of."""
        days = [self.raw_days, self.hourly_days, self.daily_days]
        if any(d is not None and d < 1 for d in days):
            raise RetentionError("days are kept in whole numbers from 1")
        ranks = [float("inf") if d is None else d for d in days]
        if ranks != sorted(ranks):
            raise RetentionError("rollups are kept at least as long as what they are made of")


@dataclass(frozen=True, slots=True)
class ExpiredPartition:
    """A month of readings that goes as a whole; `rows` is the planner's estimate."""

    name: str
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class Expired:
    """Rows of one series that go: `what` is reading, hourly or daily; all before `before`."""

    tenant: str
    what: str
    series: SeriesKey
    before: datetime
    rows: int


async def set_retention(
    database: TenantDatabase, rule: RetentionRule, of: SeriesKey | str | None = None
) -> None:
    """Set the rule of a series, of a characteristic by name, or of all of a tenant (None).

    The most particular rule holds. Raises RetentionError, ForeignRowError.
    """
    rule.validate()
    async with database.transaction() as conn:
        series = None
        if isinstance(of, SeriesKey):
            parts = [of.device, of.service, of.index, of.characteristic]
            row = await (await conn.execute(_QUERIES["series_number"], parts)).fetchone()
            if row is None:
                raise ForeignRowError(f"no series {topics.state(of)}")
            series = row[0]
        characteristic = of if isinstance(of, str) else None
        days = [rule.raw_days, rule.hourly_days, rule.daily_days]
        await conn.execute(_QUERIES["keep_for"], [series, characteristic, *days])


async def remove_expired(
    database: Database, *, dry: bool
) -> tuple[list[ExpiredPartition], list[Expired]]:
    """Remove what the rules of all tenants have expired, or with `dry` say what would go.

    First whole months that nobody keeps any of, then rows, a tenant at a time. A dry run's rows
    include those of the months.
    """
    async with database.nobody() as conn:
        rows = await (await conn.execute(_QUERIES["drop_expired_partitions"], [dry])).fetchall()
    partitions = [ExpiredPartition(*row) for row in rows]
    expired = []
    for tenant in await database.tenants():
        async with database.of(tenant).transaction() as conn:
            changes = await (await conn.execute(_QUERIES["expire"], [dry])).fetchall()
        expired += [
            Expired(tenant, what, SeriesKey(device, service, index, name), before, n)
            for what, device, service, index, name, before, n in changes
        ]
    return partitions, expired
