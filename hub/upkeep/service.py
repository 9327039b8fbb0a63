"""Readings that have had their time go, old ones are packed, tables are vacuumed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hub.database.database import Database
from hub.database.errors import DatabaseAwayError, DatabaseError
from hub.database.queries import Queries
from hub.database.vacuum import vacuum
from hub.ingest.repository import ensure_partitions_ahead
from hub.readings.retention import (
    Expired,
    PartitionOfMonth,
    RetentionRule,
    StoredRule,
    months_on_disk,
    remove_expired,
    rules,
    set_retention,
)
from hub.runtime.supervisor import PartRole, Supervisor
from hub.upkeep.packing import PackedOfTenant, Packing, PackingRun, packed_of

__all__ = ["Upkeep", "UpkeepRun"]

log = logging.getLogger(__name__)

_DOUBTFUL = (
    "nothing is removed yet: no time server has set this machine's clock since it started (it is "
    "believed after a day)"
)

_QUERIES = Queries.of("hub.upkeep")


@dataclass(slots=True)
class UpkeepRun:
    """One time that it was done: what went, was packed, was vacuumed; what kept it from being done.

    `finished_at` is None while it is under way; `problem` is a sentence, empty where all went well.
    """

    at: datetime
    finished_at: datetime | None = None
    months: list[PartitionOfMonth] = field(default_factory=list)
    expired: list[Expired] = field(default_factory=list)
    packed: PackingRun | None = None
    vacuumed: list[str] = field(default_factory=list)
    problem: str = ""

    def rows_of(self, tenant: str) -> int:
        """How many rows of a tenant went, rollups included."""
        return sum(one.rows for one in self.expired if one.tenant == tenant)


class Upkeep:
    """Does it soon after the hub's start, then every `every_s` seconds.

    `owner_url` is the schema's owner, None where a Postgres of somebody else's gives none: then
    vacuum is that server's own business. While `doubtful` says that this machine's clock may be
    ahead nothing is removed by itself: what is of today would look old.
    """

    EVERY_S = 6 * 3600.0
    FIRST_S = 60.0  # devices that waited for the hub come first
    GO_ON_S = 60.0  # where there is more to pack than a time allows

    def __init__(
        self,
        database: Database,
        owner_url: str | None,
        supervisor: Supervisor | None = None,
        *,
        packing: Packing | None = None,
        first_s: float = FIRST_S,
        every_s: float = EVERY_S,
        doubtful: Callable[[], bool] = lambda: False,
    ) -> None:
        self._doubtful = doubtful
        self._database, self._owner_url = database, owner_url
        self._packing = packing
        self._first_s, self._every_s = first_s, every_s
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.DUTIES)
        self._one = asyncio.Lock()
        self.last: UpkeepRun | None = None
        """The last time that it was done, or is being done."""
        self.next_at: datetime | None = None
        """When it is done again; None: it was not started."""

    async def start(self) -> None:
        """Begin."""
        self._tasks.loop("keeping the database small", self._run)

    async def stop(self) -> None:
        """End; what is under way is done whole or not at all."""
        await self._tasks.stop()

    async def run(self, *, by_itself: bool = False) -> UpkeepRun:
        """Do it now; what was done."""
        async with self._one:
            run = self.last = UpkeepRun(datetime.now(UTC))
            try:
                await ensure_partitions_ahead(self._database)
                if by_itself and self._doubtful():
                    run.problem = _DOUBTFUL
                else:
                    run.months, run.expired = await remove_expired(self._database, dry=False)
                    if self._packing is not None:
                        run.packed = await self._packing.run()
                if self._owner_url is not None:
                    run.vacuumed = await vacuum(self._owner_url)
            except DatabaseAwayError as error:
                run.problem = "the database was away: it is done at the next time"
                log.info("the database's upkeep waits: %s", error.reason)
            except DatabaseError as error:
                run.problem = str(error)
                log.warning("the database's upkeep failed: %s", error)
            run.finished_at = datetime.now(UTC)
        for month in run.months:
            log.info("%s: %d readings of a month have had their time", month.name, month.rows)
        if rows := sum(one.rows for one in run.expired):
            log.info("%d readings and bins have had their time", rows)
        if run.packed is not None and run.packed.readings:
            log.info("%d old readings were packed", sum(run.packed.readings.values()))
        return run

    @property
    def vacuums(self) -> bool:
        """Whether vacuum is done here."""
        return self._owner_url is not None

    async def rules(self, tenant: str) -> list[StoredRule]:
        """How long a tenant's readings are kept, the most general rule first."""
        return await rules(self._database.of(tenant))

    async def keep(self, tenant: str, rule: RetentionRule) -> None:
        """Keep all of a tenant's readings for so long from now on, but for particular rules.

        What is older goes at the next time. Raises RetentionError.
        """
        await set_retention(self._database.of(tenant), rule)

    async def months(self) -> list[PartitionOfMonth]:
        """The months of readings that there are, of all tenants together."""
        return await months_on_disk(self._database)

    async def packed(self, tenant: str) -> PackedOfTenant:
        """What a tenant has packed."""
        return await packed_of(self._database.of(tenant))

    async def sizes(self) -> tuple[int, int]:
        """Bytes of the database, and rows in it that are dead."""
        async with self._database.nobody() as conn:
            row = await (await conn.execute(_QUERIES["sizes"])).fetchone()
        return (0, 0) if row is None else (row[0], row[1])

    async def _run(self) -> None:
        pause = self._first_s
        while True:
            self.next_at = datetime.now(UTC) + timedelta(seconds=pause)
            await asyncio.sleep(pause)
            packed = (await self.run(by_itself=True)).packed
            unfinished = packed is not None and packed.unfinished
            pause = min(self.GO_ON_S, self._every_s) if unfinished else self._every_s
