"""How the devices' broker takes up what changed in its files: by a reload, or by a new start."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hub.mqtt.account_files import AccountFiles
from hub.mqtt.broker_versions import Version
from hub.mqtt.expiring_sessions import MENDED, ExpiringSessions, never_expire
from hub.mqtt.mosquitto import Mosquitto
from hub.runtime.supervisor import Tasks

__all__ = ["BrokerReload"]


class BrokerReload:
    """A reload (SIGHUP) where that is harmless; else a new start, at most one in EVERY_S.

    See hub.mqtt.expiring_sessions for what a reload does to mosquitto below 2.0.23.
    """

    # s between two new starts that accounts can bring about: who is shut out meanwhile is heard no
    # more, but stays connected. Others' accounts do not wait for that.
    EVERY_S = 30.0

    def __init__(
        self,
        main: Mosquitto,
        accounts: AccountFiles,
        expiring: ExpiringSessions,
        tasks: Tasks,
        *,
        store: Path,
    ) -> None:
        self._main, self._accounts, self._expiring = main, accounts, expiring
        self._tasks, self._store = tasks, store
        self.version: Version = MENDED
        """mosquitto's, once it was started."""
        self._dies_of_reload = self._begins_anew = self._restarts = False
        self._too_large = False
        self.last_anew = -self.EVERY_S

    def line(self, text: str) -> None:
        """One line of the broker's log."""
        if self._expiring.line(text) and self.version < MENDED:
            self._dies_of_reload = True
            self._begin_anew()

    def starts(self) -> None:
        """It is about to start, and reads everything then."""
        self._expiring.forget()
        self._dies_of_reload = self._too_large = False
        if self._accounts.kept:
            self._accounts.write()
        if self.version < MENDED:
            never_expire(self._store)

    def give_back(self) -> None:
        """Have it begin anew, without the memory that it has lost count of."""
        self._too_large = True
        self._begin_anew()

    def keep_for_now(self, changed: set[str]) -> set[str]:
        """Whose passwords stay until it begins anew, so that others need not wait for that."""
        return self._expiring.of(changed) if self.version < MENDED else set()

    def changed(self, changed: set[str]) -> None:
        """Its files have changed; `changed`: of which accounts the password."""
        if self._expiring.changed(changed) and self.version < MENDED:
            self._dies_of_reload = True
        if self._wants_anew:
            self._begin_anew()
        if not self._dies_of_reload and not self._restarts:  # else it is told then
            self._now()

    @property
    def _wants_anew(self) -> bool:
        """Whether something is told to it by a new start alone."""
        told = self._dies_of_reload or bool(self._accounts.kept)
        return told or self._too_large or self._main.outgrown

    def _now(self) -> None:
        self._main.write()
        self._main.reload()

    def _begin_anew(self) -> None:
        if not self._begins_anew:
            self._begins_anew = True
            self._tasks.spawn("starting the broker anew", self._anew())

    async def _anew(self) -> None:
        now = asyncio.get_running_loop().time
        try:
            await asyncio.sleep(self.last_anew + self.EVERY_S - now())
            self.last_anew = now()
            # Else it ended by itself meanwhile.
            if self._wants_anew:
                self._restarts = True
                await self._main.restart()
        finally:
            self._begins_anew = self._restarts = False
        if self._dies_of_reload or self._accounts.kept:
            self._begin_anew()
        else:  # what was written while it started
            self._now()
