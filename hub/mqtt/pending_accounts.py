"""Accounts of devices that have enrolled and were not heard since."""

from __future__ import annotations

import logging

from hub.database.errors import DatabaseAwayError
from hub.mqtt.account_repository import AccountState
from hub.mqtt.accounts import AccountBook
from hub.mqtt.enrolment import Enroller
from hub.runtime.supervisor import PartRole, Supervisor
from hub.runtime.ticks import tick

__all__ = ["PendingAccounts"]

log = logging.getLogger(__name__)


class PendingAccounts:
    """Makes an account one for good when its device is heard; removes those that never are."""

    EVERY_S = 5.0

    def __init__(
        self, book: AccountBook, enroller: Enroller, supervisor: Supervisor | None = None
    ) -> None:
        self._book, self._enroller = book, enroller
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.INTAKE)
        self._confirming: set[str] = set()

    async def start(self) -> None:
        """Begin to look for those that are never heard."""
        self._tasks.loop("removing accounts of devices never heard", self._forget_silent)

    async def stop(self) -> None:
        """What is not confirmed yet is at the device's next message."""
        await self._tasks.stop()

    def seen(self, device: str) -> None:
        """A device has sent something: for Listener's `on_seen`."""
        account = self._book.get(device)
        pending = account is not None and account.state is AccountState.PENDING
        if pending and device not in self._confirming:
            # Once for a burst of messages.
            self._confirming.add(device)
            self._tasks.spawn("confirming an account", self._confirm(device))

    async def _confirm(self, device: str) -> None:
        try:
            await self._enroller.confirm(device)
        except DatabaseAwayError as error:
            log.warning("the account of %s is confirmed later: %s", device, error.reason)
        finally:
            self._confirming.discard(device)

    async def _forget_silent(self) -> None:
        while True:
            await tick(self.EVERY_S)
            try:
                await self._enroller.forget_silent()
            except DatabaseAwayError as error:
                log.warning("silent devices' accounts are removed later: %s", error.reason)
