"""Old readings packed: a series' day in one row, a few days at a time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hub.database.database import Database, TenantDatabase
from hub.database.errors import WriteConflictError
from hub.database.queries import Queries

__all__ = ["PackedOfTenant", "Packing", "PackingRun", "packed_of"]

_QUERIES = Queries.of("hub.upkeep")

_FIRST = datetime(2015, 1, 1, tzinfo=UTC)  # as dormouse.store_readings: nothing is older
_DAYS_A_STEP = 4  # some 10 ms each on a Pi, by what they took elsewhere


@dataclass(slots=True)
class PackingRun:
    """What was packed at a time: by tenant how many readings, and of how many series' days.

    `before`: what is older was to be packed. `months` hold no unpacked reading any more and went.
    `unfinished`: there was more than the time allowed.
    """

    before: datetime
    readings: dict[str, int] = field(default_factory=dict)
    days: dict[str, int] = field(default_factory=dict)
    months: list[str] = field(default_factory=list)
    unfinished: bool = False


@dataclass(frozen=True, slots=True)
class PackedOfTenant:
    """What a tenant has packed: `days` are a series' each, `size` in bytes."""

    days: int
    readings: int
    size: int
    since: datetime | None
    until: datetime | None


class Packing:
    """Packs what is older than `after_days`, of all tenants; 0: nothing.

    A step is a transaction of some days of one series; between two steps it rests for as long as
    the last one took, so that half of the time is everybody else's.
    """

    def __init__(self, database: Database, after_days: int, *, most_s: float = 60.0) -> None:
        self._database, self._after_days, self._most_s = database, after_days, most_s

    async def run(self) -> PackingRun | None:
        """Pack for `most_s` seconds, or until all is packed; None: nothing is ever packed.

        Raises DatabaseAwayError.
        """
        if self._after_days == 0:
            return None
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        run = PackingRun(today - timedelta(days=self._after_days))
        ends = time.monotonic() + self._most_s
        for tenant in await self._database.tenants():
            await self._tenant(self._database.of(tenant), run, ends)
        if run.readings:
            await self._drop_months(run)
        return run

    async def _tenant(self, database: TenantDatabase, run: PackingRun, ends: float) -> None:
        async with database.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["series_to_pack"], [run.before])).fetchall()
        for (series,) in rows:
            following: datetime | None = _FIRST
            while following is not None:
                if time.monotonic() > ends:
                    run.unfinished = True
                    return
                started = time.monotonic()
                following = await self._step(database, run, series, following)
                await asyncio.sleep(time.monotonic() - started)

    async def _step(
        self, database: TenantDatabase, run: PackingRun, series: int, since: datetime
    ) -> datetime | None:
        async with database.transaction() as conn:
            step = [series, since, run.before, _DAYS_A_STEP]
            row = await (await conn.execute(_QUERIES["pack_days"], step)).fetchone()
        following: datetime | None
        days, readings, following = row or (0, 0, None)
        if readings:
            run.days[database.tenant] = run.days.get(database.tenant, 0) + days
            run.readings[database.tenant] = run.readings.get(database.tenant, 0) + readings
        return following

    async def _drop_months(self, run: PackingRun) -> None:
        try:
            async with self._database.nobody() as conn:
                rows = await (
                    await conn.execute(_QUERIES["drop_empty_partitions"], [run.before])
                ).fetchall()
        except WriteConflictError:
            return  # somebody reads for long: the next time
        run.months += [month for (month,) in rows]


async def packed_of(database: TenantDatabase) -> PackedOfTenant:
    """What a tenant has packed."""
    async with database.transaction() as conn:
        row = await (await conn.execute(_QUERIES["packed"])).fetchone()
    return PackedOfTenant(*row) if row else PackedOfTenant(0, 0, 0, None, None)
