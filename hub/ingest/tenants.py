"""Each device's readings to its own tenant."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from contracts.reading import Reading
from hub.database.errors import DatabaseAwayError
from hub.ingest.ingest import Ingest
from hub.runtime.retry import reason, retrying
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["TenantIngest"]

log = logging.getLogger(__name__)

_BACK_OFF = (1.0, 5.0)  # s: first and longest pause while the database is away


class TenantIngest:
    """An intake for each tenant that has devices, made when its first reading comes.

    `tenant_of` says whose a device is, `make` makes the intake of a tenant.
    """

    def __init__(
        self,
        tenant_of: Callable[[str], str],
        make: Callable[[str], Ingest],
        supervisor: Supervisor | None = None,
    ) -> None:
        self._tenant_of = tenant_of
        self._make = make
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.INTAKE)
        self._ingests: dict[str, Ingest] = {}

    def put(self, readings: Sequence[Reading], done: Callable[[], None]) -> None:
        """Keep one device's readings; `done` is called once they are committed."""
        self.of(self._tenant_of(readings[0].series.device)).put(readings, done)

    def of(self, tenant: str) -> Ingest:
        """The intake of a tenant."""
        ingest = self._ingests.get(tenant)
        if ingest is None:
            ingest = self._ingests[tenant] = self._make(tenant)
            self._tasks.loop("starting to commit readings", lambda: self._start(tenant))
        return ingest

    def all(self) -> list[Ingest]:
        """Those of the tenants that were heard."""
        return list(self._ingests.values())

    def by_tenant(self) -> dict[str, Ingest]:
        """Those of the tenants that were heard, by tenant."""
        return dict(self._ingests)

    def stuck_since(self, tenant: str) -> datetime | None:
        """Since when a tenant's readings cannot be stored though others' can; None: they can."""
        ingest = self._ingests.get(tenant)
        return ingest.stuck_since if ingest is not None else None

    async def stop(self) -> None:
        """Commit what waits, or leave it unacknowledged."""
        await self._tasks.stop()
        await asyncio.gather(*(ingest.stop() for ingest in self._ingests.values()))

    async def _start(self, tenant: str) -> None:
        def waiting(error: BaseException) -> None:
            log.warning("database away (%s); readings of %s wait", reason(error), tenant)

        first, longest = _BACK_OFF
        retry = retrying([DatabaseAwayError], first=first, longest=longest, waiting=waiting)
        await retry(self._ingests[tenant].start)
