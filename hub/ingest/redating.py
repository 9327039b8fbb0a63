"""Dates readings again when the clock that dated them was set."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from contracts.reading import ClockReference
from hub.database.database import Database
from hub.database.errors import DatabaseAwayError
from hub.database.queries import Queries
from hub.runtime.host_clock import ClockStep, HostClock
from hub.runtime.supervisor import PartRole, Supervisor
from hub.runtime.ticks import tick

__all__ = ["Redating"]

log = logging.getLogger(__name__)

_QUERIES = Queries.of("hub.ingest")


class Redating:
    """Looks at the clock every second and, after a step, dates anew what is noted, of all tenants.

    What was on its way into the database when the clock was set is found at one of the next `LOOKS`
    looks (every `EVERY_S`), or says so when it is stored (`corrects`). When the clock is settled
    what was noted is forgotten. What the machine's start before this one noted is this one's, where
    the clock merely goes on. `redated` counts readings; `on_redated` is told of every tenant after
    a step.
    """

    LOOK_S = 1.0
    EVERY_S, LOOKS = 15.0, 4

    def __init__(
        self,
        database: Database,
        clock: HostClock,
        supervisor: Supervisor | None = None,
        on_redated: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._on_redated = on_redated
        self._database, self._clock = database, clock
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.INTAKE)
        self._stepped = asyncio.Event()
        self._late = False
        # At the start nobody looks on yet.
        self._to_tell = False
        self.redated = 0
        clock.on_step(self._step)

    async def start(self) -> None:
        """Begin to look; what another start of the machine left is forgotten."""
        self._stepped.set()
        self._tasks.loop("watching this machine's clock", self._watch)
        self._tasks.loop("dating readings again", self._run)

    async def stop(self) -> None:
        """End; what is not dated yet is, at the next start."""
        await self._tasks.stop()
        self._clock.save()

    def corrects(self, reference: ClockReference) -> bool:
        """Whether the clock was set since; what is stored now, dated so, is found at a next look.

        For readings that waited for the database for so long that nothing is noted any more.
        """
        late = bool(self._clock.correction(reference))
        self._late |= late
        return late

    def _step(self, _: ClockStep) -> None:
        self._to_tell = True
        self._stepped.set()

    async def _watch(self) -> None:
        while True:
            self._clock.check()
            await tick(self.LOOK_S)

    async def _run(self) -> None:
        former = self._clock.former_boot
        was_settled, owed = False, self.LOOKS
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.EVERY_S):
                    await self._stepped.wait()
            if self._stepped.is_set():
                owed = self.LOOKS
            self._stepped.clear()
            self._clock.save()
            try:
                if former is not None:
                    await self._take_over(former)
                    former = None
                late, self._late = self._late, False
                if late:
                    owed = self.LOOKS
                if looking := owed > 0:
                    await self._redate()
                    owed -= 1
                if (settled := self._clock.settled) and (looking or not was_settled):
                    await self._settle(self._clock.boot)
                was_settled = settled
                if self._to_tell:
                    self._to_tell = False
                    for tenant in await self._database.tenants():
                        self._on_redated(tenant)
            except DatabaseAwayError as error:
                log.info("readings are dated again later: %s", error.reason)

    async def _redate(self) -> None:
        moved = 0
        for tenant in await self._database.tenants():
            async with self._database.of(tenant).transaction() as conn:
                boot, offset = self._clock.reference
                for query in ("redate_days", "redate_sources"):
                    await conn.execute(_QUERIES[query], {"boot": boot, "offset": offset})
                row = await (
                    await conn.execute(_QUERIES["redate"], list(self._clock.reference))
                ).fetchone()
                moved += row[0] if row else 0
        if moved:
            self.redated += moved
            log.warning("%d readings were dated again, since this machine's clock was set", moved)

    async def _take_over(self, former: str) -> None:
        """What the machine's start before this one has left."""
        if self._clock.continues is None:
            await self._settle(former)
            return
        for tenant in await self._database.tenants():
            async with self._database.of(tenant).transaction() as conn:
                for query in ("continue", "continue_devices"):
                    await conn.execute(
                        _QUERIES[query],
                        {"boot": self._clock.boot, "by": self._clock.continues, "former": former},
                    )

    async def _settle(self, boot: str) -> None:
        """Forget what that start noted; what this one's clock still has to correct stays."""
        offset = self._clock.reference.offset if boot == self._clock.boot else None
        for tenant in await self._database.tenants():
            async with self._database.of(tenant).transaction() as conn:
                for query in ("settle", "settle_devices"):
                    await conn.execute(_QUERIES[query], {"boot": boot, "offset": offset})
