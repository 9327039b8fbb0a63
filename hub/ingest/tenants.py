"""Each device's readings to its own tenant."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from contracts.reading import Reading
from hub.database.errors import DatabaseAwayError
from hub.ingest.ingest import Ingest
from hub.runtime.problems import Problems

__all__ = ["TenantIngest"]

log = logging.getLogger(__name__)


class TenantIngest:
    """An intake for each tenant that has devices, made when its first reading comes.

    `tenant_of` says whose a device is, `make` makes the intake of a tenant; faults of ours go
    to `problems`.
    """

    RETRY_S = 1.0

    def __init__(
        self,
        tenant_of: Callable[[str], str],
        make: Callable[[str], Ingest],
        problems: Problems | None = None,
    ) -> None:
        self._tenant_of = tenant_of
        self._make = make
        self._problems = problems or Problems()
        self._ingests: dict[str, Ingest] = {}
        self._starting: dict[str, asyncio.Task[None]] = {}

    def put(self, readings: Sequence[Reading], done: Callable[[], None]) -> None:
        """Keep one device's readings; `done` is called once they are committed."""
        self.of(self._tenant_of(readings[0].series.device)).put(readings, done)

    def of(self, tenant: str) -> Ingest:
        """The intake of a tenant."""
        ingest = self._ingests.get(tenant)
        if ingest is None:
            ingest = self._ingests[tenant] = self._make(tenant)
            self._starting[tenant] = asyncio.create_task(self._start(tenant, ingest))
        return ingest

    async def stop(self) -> None:
        """Commit what waits, or leave it unacknowledged."""
        for task in self._starting.values():
            task.cancel()
        await asyncio.gather(*self._starting.values(), return_exceptions=True)
        await asyncio.gather(*(ingest.stop() for ingest in self._ingests.values()))

    async def _start(self, tenant: str, ingest: Ingest) -> None:
        while True:
            try:
                await ingest.start()
            except DatabaseAwayError as error:
                log.warning("database away (%s); readings of %s wait", error.reason, tenant)
            except Exception as error:  # noqa: BLE001  # noted with its trace; its readings wait
                self._problems.defect("starting to store readings", error)
            else:
                return
            await asyncio.sleep(self.RETRY_S)
