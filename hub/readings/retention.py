"""How long things are kept, and removing what has had its time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contracts.reading import SeriesKey
from hub.database.database import Store
from hub.database.errors import ForeignRowError, RetentionError

__all__ = ["Expired", "ExpiredPartition", "Rule", "apply", "keep"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Days that readings, hourly and daily rollups are kept; None: for ever."""

    raw_days: int | None = None
    hourly_days: int | None = None
    daily_days: int | None = None

    def refuse_upside_down(self) -> None:
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


_KEEP = """
INSERT INTO dormouse.retention (series_id, characteristic, raw_days, hourly_days, daily_days)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, series_id, characteristic) DO UPDATE SET raw_days = excluded.raw_days,
    hourly_days = excluded.hourly_days, daily_days = excluded.daily_days"""

_SERIES = """
SELECT s.id FROM dormouse.series s JOIN dormouse.device d ON d.id = s.device_id
WHERE d.key = %s AND s.service = %s AND s.index = %s AND s.characteristic = %s"""

_EXPIRE = """
SELECT e.what, d.key, s.service, s.index, s.characteristic, e.before, e.n
FROM dormouse.expire(%s) AS e JOIN dormouse.series s ON s.id = e.series_id
JOIN dormouse.device d ON d.id = s.device_id"""


async def keep(store: Store, tenant: str, rule: Rule, of: SeriesKey | str | None = None) -> None:
    """Set the rule of a series, of a characteristic by name, or of all of a tenant (None).

    The most particular rule holds. Raises RetentionError, ForeignRowError.
    """
    rule.refuse_upside_down()
    async with store.tenant(tenant) as conn:
        series = None
        if isinstance(of, SeriesKey):
            parts = [of.device, of.service, of.index, of.characteristic]
            row = await (await conn.execute(_SERIES, parts)).fetchone()
            if row is None:
                raise ForeignRowError(f"no series {of.topic}")
            series = row[0]
        characteristic = of if isinstance(of, str) else None
        days = [rule.raw_days, rule.hourly_days, rule.daily_days]
        await conn.execute(_KEEP, [series, characteristic, *days])


async def apply(store: Store, *, dry: bool) -> tuple[list[ExpiredPartition], list[Expired]]:
    """Remove what the rules of all tenants have expired, or with `dry` say what would go.

    First whole months that nobody keeps any of, then rows, a tenant at a time. A dry run's rows
    include those of the months.
    """
    async with store.nobody() as conn:
        rows = await (
            await conn.execute("SELECT * FROM dormouse.drop_expired_partitions(%s)", [dry])
        ).fetchall()
    partitions = [ExpiredPartition(*row) for row in rows]
    expired = []
    for tenant in await store.tenants():
        async with store.tenant(tenant) as conn:
            found = await (await conn.execute(_EXPIRE, [dry])).fetchall()
        expired += [
            Expired(tenant, what, SeriesKey(device, service, index, name), before, n)
            for what, device, service, index, name, before, n in found
        ]
    return partitions, expired
