"""A tenant whose readings cannot be stored keeps no other one waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from hub.database.database import Database
from hub.database.errors import DatabaseAwayError
from hub.ingest.ingest import Ingest
from hub.ingest.repository import takes_writes
from hub.runtime.supervisor import PartRole, Supervisor
from hub.runtime.ticks import tick

__all__ = ["Stalls"]


class Stalls:
    """Looks for tenants of which nothing was stored for `PATIENCE_S` though the database commits.

    The broker gives us so many messages at once, of all tenants together, and takes
    acknowledgements in their order: one tenant's would fill it. Such a tenant lets go
    (Ingest.let_go). Where there is no other tenant, or the database stores nobody's, all wait at
    the broker, which keeps them over our end.
    """

    EVERY_S = 0.5
    # s: longer than a commit takes on an SD card that is busy.
    PATIENCE_S = 2.0
    PROOF_S = 5.0

    def __init__(
        self,
        database: Database,
        ingests: Callable[[], Sequence[Ingest]],
        supervisor: Supervisor | None = None,
    ) -> None:
        self._database, self._ingests = database, ingests
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.INTAKE)

    async def start(self) -> None:
        """Begin to look."""
        self._tasks.loop("looking for tenants whose readings wait", self._run)

    async def stop(self) -> None:
        """Look no more."""
        await self._tasks.stop()

    async def _run(self) -> None:
        while True:
            # What begins to wait while we sleep is not late by the time we wake.
            waiting = any(one.behind_s for one in self._ingests())
            await tick(self.EVERY_S if waiting else self.PATIENCE_S)
            late = [one for one in self._ingests() if one.behind_s > self.PATIENCE_S]
            if late and await self._others_could():
                for one in late:
                    if one.behind_s > self.PATIENCE_S:
                        one.let_go()

    async def _others_could(self) -> bool:
        """Whether there are other tenants, and the database would store theirs."""
        try:
            async with asyncio.timeout(self.PROOF_S):
                await takes_writes(self._database)
                return len(await self._database.tenants()) > 1
        except (DatabaseAwayError, TimeoutError):
            return False
