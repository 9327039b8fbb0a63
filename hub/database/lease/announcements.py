"""What one worker has changed and others have in memory: they are told to read it again."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from enum import StrEnum

from hub.database.errors import DatabaseAwayError
from hub.database.lease.holder import WorkerStanding
from hub.database.lease.worker import WorkerLeases
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["Announcements", "Changed"]

log = logging.getLogger(__name__)


class Changed(StrEnum):
    """What is not as it was."""

    ACCOUNTS = "accounts"
    MAPPING = "mapping"
    NUMBERS = "numbers"
    """A tenant's devices or series have other numbers, or none any more."""
    CLOCK = "clock"
    """A device's clock stood still: `key`."""
    PAGES = "pages"
    """What open pages of a tenant show: `key` is noun and key of a LiveChange, by a space."""


class Announcements:
    """Says and hears by NOTIFY, in order. Who hears does so in memory: what waits is sent later.

    A handler gets tenant and key. Those of `everything` are called with nothing in both where
    something may have been missed.
    """

    PAUSE_S = 1.0  # s: until the next attempt while the database is away

    def __init__(self, leases: WorkerLeases, supervisor: Supervisor) -> None:
        self._leases = leases
        self._waiting: deque[str] = deque(maxlen=10_000)
        self._wake = asyncio.Event()
        self._handlers: dict[Changed, list[Callable[[str, str], None]]] = {}
        self._tasks = supervisor.tasks(PartRole.INTAKE)
        leases.on_announcement(self._heard)

    def workers(self) -> list[WorkerStanding]:
        """Who would hear it."""
        return self._leases.standing()

    def on(self, what: Changed, handler: Callable[[str, str], None]) -> None:
        """Call `handler` where that has changed, whoever says so."""
        self._handlers.setdefault(what, []).append(handler)

    def say(self, what: Changed, tenant: str = "", key: str = "") -> None:
        """Tell all workers, this one among them, in a moment."""
        # Postgres takes 8000 bytes at most.
        self._waiting.append(json.dumps([what, tenant, key[:1000]]))
        self._wake.set()

    async def start(self) -> None:
        """Begin to send."""
        self._tasks.loop("telling other workers", self._run)

    async def stop(self) -> None:
        """Send no more."""
        await self._tasks.stop()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                try:
                    await self._leases.announce(self._waiting[0])
                except DatabaseAwayError:
                    await asyncio.sleep(self.PAUSE_S)
                else:
                    self._waiting.popleft()

    def _heard(self, text: str | None) -> None:
        if text is None:
            for what in (Changed.ACCOUNTS, Changed.MAPPING, Changed.NUMBERS):
                self._call(what, "", "")
            return
        try:
            said, tenant, key = json.loads(text)
            what = Changed(said)
        except (ValueError, TypeError, RecursionError):
            return  # a newer worker's, or somebody else's
        self._call(what, str(tenant), str(key))

    def _call(self, what: Changed, tenant: str, key: str) -> None:
        for handler in self._handlers.get(what, ()):
            handler(tenant, key)
