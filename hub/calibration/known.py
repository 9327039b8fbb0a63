"""The calibrations of all tenants in memory: one answer for everything that shows a value."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from contracts.reading import SeriesKey, Value
from hub.calibration.repository import CalibrationRepository, CalibrationTable
from hub.calibration.span import CalibrationSpan, calibrated
from hub.database.database import Database
from hub.database.errors import DatabaseAwayError
from hub.runtime.supervisor import PartRole, Supervisor
from hub.runtime.ticks import tick

__all__ = ["CalibrationListener", "Calibrations"]

log = logging.getLogger(__name__)

CalibrationListener = Callable[[str, frozenset[SeriesKey]], None]
"""Called with a tenant and the series that are calibrated otherwise than before."""

# What the hub itself changes it knows at once; what somebody changes in the database, so late.
_LOOK_S = 60.0


class Calibrations:
    """What holds for each series, as the database has it.

    Whoever changes calibrations awaits `follow` afterwards; then everything that shows values has
    them.
    """

    def __init__(self, database: Database, supervisor: Supervisor | None = None) -> None:
        self._database = database
        self._tables: dict[str, CalibrationTable] = {}
        self._loading = asyncio.Lock()
        self._listeners: list[CalibrationListener] = []
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.BRIDGE)

    def on_change(self, listener: CalibrationListener) -> None:
        """Call `listener` after each change."""
        self._listeners.append(listener)

    async def start(self) -> None:
        """Read those of all tenants, and look for others from now on. Raises DatabaseAwayError."""
        for tenant in await self._database.tenants():
            await self.load(tenant)
        self._tasks.loop("following calibrations", self._run)

    async def stop(self) -> None:
        """Look no more."""
        await self._tasks.stop()

    def value(self, tenant: str, key: SeriesKey, raw: Value, at: datetime) -> Value:
        """What a value measured at an instant is, by what held then."""
        spans = self.of(tenant, key)
        return calibrated(raw, at, spans) if spans else raw

    def of(self, tenant: str, key: SeriesKey) -> tuple[CalibrationSpan, ...]:
        """A series' calibrations in the order of time."""
        table = self._tables.get(tenant)
        return () if table is None else table.get(key, ())

    def every(self, tenant: str) -> list[tuple[SeriesKey, Sequence[CalibrationSpan]]]:
        """Those of all series of a tenant."""
        return sorted(self._tables.get(tenant, {}).items())

    async def load(self, tenant: str) -> frozenset[SeriesKey]:
        """Read a tenant's anew and tell nobody; the series that are calibrated otherwise."""
        async with self._loading:
            before = self._tables.get(tenant, {})
            after = await CalibrationRepository(self._database.of(tenant)).all()
            self._tables[tenant] = after
        keys = before.keys() | after.keys()
        return frozenset(key for key in keys if before.get(key) != after.get(key))

    def tell(self, tenant: str, changed: frozenset[SeriesKey]) -> None:
        """Tell the listeners of what `load` found."""
        for listener in self._listeners if changed else ():
            listener(tenant, changed)

    async def follow(self, tenant: str) -> None:
        """Read a tenant's anew and tell the listeners. Raises DatabaseAwayError."""
        self.tell(tenant, await self.load(tenant))

    async def _run(self) -> None:
        while True:
            await tick(_LOOK_S)
            try:
                for tenant in await self._database.tenants():
                    await self.follow(tenant)
            except DatabaseAwayError as error:
                log.info("calibrations are looked at later: %s", error.reason)
