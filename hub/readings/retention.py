"""How long things are kept, and removing what has had its time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contracts import topics
from contracts.reading import SeriesKey
from hub.database.database import Database, TenantDatabase
from hub.database.errors import ForeignRowError, RetentionError
from hub.database.queries import Queries

__all__ = [
    "Expired",
    "PartitionOfMonth",
    "RetentionRule",
    "StoredRule",
    "months_on_disk",
    "remove_expired",
    "rules",
    "set_retention",
]

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
class StoredRule:
    """A rule and what it is of: a series, a characteristic by its name, or all (None)."""

    of: SeriesKey | str | None
    rule: RetentionRule


@dataclass(frozen=True, slots=True)
class PartitionOfMonth:
    """A month of readings as a whole; `rows` is the planner's estimate, `size` in bytes."""

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
) -> tuple[list[PartitionOfMonth], list[Expired]]:
    """Remove what the rules of all tenants have expired, or with `dry` say what would go.

    First whole months that nobody keeps any of, then rows, a tenant at a time. A dry run's rows
    include those of the months.
    """
    async with database.nobody() as conn:
        rows = await (await conn.execute(_QUERIES["drop_expired_partitions"], [dry])).fetchall()
    partitions = [PartitionOfMonth(*row) for row in rows]
    expired = []
    for tenant in await database.tenants():
        async with database.of(tenant).transaction() as conn:
            changes = await (await conn.execute(_QUERIES["expire"], [dry])).fetchall()
        expired += [
            Expired(tenant, what, SeriesKey(device, service, index, name), before, n)
            for what, device, service, index, name, before, n in changes
        ]
    return partitions, expired


async def rules(database: TenantDatabase) -> list[StoredRule]:
    """A tenant's rules, the most general first."""
    async with database.transaction() as conn:
        rows = await (await conn.execute(_QUERIES["rules_of_retention"])).fetchall()
    return [
        StoredRule(
            SeriesKey(device, service, index, name) if device is not None else kind,
            RetentionRule(*days),
        )
        for device, service, index, name, kind, *days in rows
    ]


async def months_on_disk(database: Database) -> list[PartitionOfMonth]:
    """The months of readings that there are, of all tenants together."""
    async with database.nobody() as conn:
        rows = await (await conn.execute(_QUERIES["months_on_disk"])).fetchall()
    return [PartitionOfMonth(*row) for row in rows]
