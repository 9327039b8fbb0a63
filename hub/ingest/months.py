"""Room for the readings of the months to come, made before the first of them is there."""

from __future__ import annotations

import asyncio
import logging

from hub.database.database import Database
from hub.database.errors import DatabaseAwayError
from hub.ingest.repository import ensure_partitions_ahead
from hub.runtime.retry import reason, retrying
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["MonthsAhead"]

log = logging.getLogger(__name__)


class MonthsAhead:
    """Makes the partitions of this month and the next ones, at the start and every `EVERY_S`.

    A hub that runs for months meets no month without one, at midnight with all tenants at once.
    """

    EVERY_S = 6 * 3600.0
    BACK_OFF = (1.0, 60.0)  # s: first and longest pause while the database is away

    def __init__(self, database: Database, supervisor: Supervisor | None = None) -> None:
        self._database = database
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.INTAKE)

    async def start(self) -> None:
        """Begin."""
        self._tasks.loop("making room for the months to come", self._run)

    async def stop(self) -> None:
        """End; what is being made is made whole or not at all."""
        await self._tasks.stop()

    async def _run(self) -> None:
        def waiting(error: BaseException) -> None:
            log.info("the months to come get their room later: %s", reason(error))

        first, longest = self.BACK_OFF
        retry = retrying([DatabaseAwayError], first=first, longest=longest, waiting=waiting)
        while True:
            await retry(ensure_partitions_ahead, self._database)
            await asyncio.sleep(self.EVERY_S)
