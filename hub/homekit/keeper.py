"""Keeps the bridge's state: what is new is gathered, saved as a whole, and retried for ever."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from contracts.reading import SeriesKey, Value
from hub.database.errors import DatabaseAwayError
from hub.homekit.identity import Identities
from hub.homekit.state import HomeKitState, PresenceRecord, StateChange
from hub.runtime.retry import reason, retrying
from hub.runtime.ticks import tick

__all__ = ["Keeper"]

log = logging.getLogger(__name__)

# Values and presence are kept this late at most; after a crash the newest readings count (load).
_EVERY = 5.0
_BACK_OFF = (1.0, 5.0)  # s: first and longest pause while the database is away


class Keeper:
    """What is not kept yet. `presence` makes the record of a device, None when it is gone."""

    def __init__(
        self,
        state: HomeKitState,
        identities: Identities,
        presence: Callable[[str], PresenceRecord | None],
    ) -> None:
        self._state, self._identities, self._presence = state, identities, presence
        self._values: dict[SeriesKey, tuple[Value, datetime]] = {}
        self._presence_changed: set[str] = set()
        self._forgotten: set[str] = set()
        self._saving = asyncio.Lock()

    def value(self, key: SeriesKey, value: Value, at: datetime | None = None) -> None:
        """A series has a new value, as it was heard, measured at `at` (None: now)."""
        self._values[key] = value, at or datetime.now(UTC)

    def forget_value(self, key: SeriesKey) -> None:
        """A series was removed, here and in what was kept."""
        self._values.pop(key, None)

    def presence_changed(self, device: str) -> None:
        """A device's presence changed."""
        self._presence_changed.add(device)

    def forget(self, device: str) -> None:
        """A device goes with all that was kept of it but its record."""
        self._presence_changed.discard(device)
        for key in [key for key in self._values if key.device == device]:
            del self._values[key]
        self._forgotten.add(device)

    async def until_saved(self) -> None:
        """Return once everything is kept, however long the database is away."""
        first, longest = _BACK_OFF
        await retrying([DatabaseAwayError], first=first, longest=longest, waiting=_waiting)(
            self.save
        )

    async def run(self) -> None:
        """Keep values and presence every few seconds, until cancelled."""
        while True:
            await tick(_EVERY)
            if self._values or self._presence_changed:
                await self.until_saved()

    async def save(self) -> None:
        """Keep everything new in one piece; what could not be kept stays new."""
        async with self._saving:
            bridges, accessories = self._identities.changes()
            values, self._values = self._values, {}
            presence_changed, self._presence_changed = self._presence_changed, set()
            forgotten, self._forgotten = self._forgotten, set()
            presence = [record for device in presence_changed if (record := self._presence(device))]
            try:
                await self._state.save(
                    StateChange(
                        bridges,
                        accessories,
                        {key: value for key, (value, _) in values.items()},
                        presence,
                        forgotten,
                        {key: at for key, (_, at) in values.items()},
                    )
                )
            except BaseException:
                self._identities.not_saved(bridges, accessories)
                self._values = values | self._values
                self._presence_changed |= presence_changed
                self._forgotten |= forgotten
                raise


def _waiting(error: BaseException) -> None:
    log.warning("homekit: cannot save its state yet: %s", reason(error))
