"""What is known of the devices' clocks, kept over a restart of the hub."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from contracts.reading import ClockReference
from hub.database.errors import DatabaseAwayError
from hub.database.key_value import KeyValueStore
from hub.mqtt.clock import ClockMark, Clocks
from hub.runtime.supervisor import PartRole, Supervisor
from hub.runtime.ticks import tick

__all__ = ["StoredClocks"]

log = logging.getLogger(__name__)

_AREA = "device-clocks"


class StoredClocks:
    """Loads the marks of `clocks` at `start`, keeps new ones every few seconds and at `stop`."""

    EVERY_S = 5.0

    def __init__(
        self, key_values: KeyValueStore, clocks: Clocks, supervisor: Supervisor | None = None
    ) -> None:
        self._key_values, self._clocks = key_values, clocks
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.INTAKE)

    async def start(self) -> None:
        """Load, and begin to keep."""
        await self.load()
        self._tasks.loop("keeping devices' clocks", self._keep)

    async def load(self) -> None:
        """Know what is kept."""
        marks = await self._key_values.load(_AREA)
        self._clocks.load((device, _mark(mark)) for device, mark in marks.items())

    async def stop(self) -> None:
        """Keep what is new."""
        await self._tasks.stop()
        await self._save()

    async def _keep(self) -> None:
        while True:
            await tick(self.EVERY_S)
            await self._save()

    async def _save(self) -> None:
        changed = self._clocks.changed()
        if not changed:
            return
        marks = {
            device: {
                "boot": mark.boot,
                "up": mark.up,
                "at": mark.at.isoformat(),
                "clock": mark.clock,
            }
            for device, mark in changed.items()
        }
        try:
            await self._key_values.save(_AREA, marks)
        except DatabaseAwayError as error:
            self._clocks.not_saved(changed)
            log.warning("devices' clocks will be saved later: %s", error.reason)
        except BaseException:
            self._clocks.not_saved(changed)
            raise


def _mark(stored: Mapping[str, Any]) -> ClockMark:
    clock = stored.get("clock")  # marks of before there was one have none
    at = datetime.fromisoformat(stored["at"])
    return ClockMark(stored["boot"], stored["up"], at, clock and ClockReference(*clock))
