"""Whose a device is that this worker has not heard of: asked before its first message is taken."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial

from contracts import topics
from hub.database.errors import DatabaseAwayError
from hub.mqtt.delivery import Delivery
from hub.runtime.retry import reason, retrying
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["Newcomers"]

log = logging.getLogger(__name__)

_BACK_OFF = (0.2, 5.0)  # s: first and longest pause while the database is away


class Newcomers:
    """Holds a device's messages back, in order, until the database has said whose it is.

    Another worker made its account, and the device may be quicker than the word of it. `known` says
    whether an account is in memory, `ask` has one read that is not. A device without an account is
    asked for once, and again when `forget` was called.
    """

    MOST = 50_000  # devices without accounts that are remembered

    def __init__(
        self,
        known: Callable[[str], bool],
        ask: Callable[[str], Awaitable[None]],
        supervisor: Supervisor,
    ) -> None:
        self._known, self._ask = known, ask
        self._asked: set[str] = set()
        self._waiting: dict[str, list[Callable[[], None]]] = {}
        self._tasks = supervisor.tasks(PartRole.INTAKE)

    def deliver(self, deliver: Callable[[Delivery], None], delivery: Delivery) -> None:
        """Hand a message on, now or once it is known whose it is."""
        device = topics.device_of(delivery.topic)
        if device is None or device in self._asked or self._known(device):
            deliver(delivery)
            return
        call = partial(deliver, delivery)
        if device in self._waiting:
            self._waiting[device].append(call)
            return
        self._waiting[device] = [call]
        self._tasks.spawn("asking whose a device is", self._find(device))

    def forget(self) -> None:
        """Others may have accounts by now."""
        self._asked.clear()

    async def stop(self) -> None:
        """Ask no more; what waits is not acknowledged."""
        await self._tasks.stop()
        self._waiting.clear()

    async def _find(self, device: str) -> None:
        def waiting(error: BaseException) -> None:
            log.info("whose a device is will be asked later: %s", reason(error))

        first, longest = _BACK_OFF
        retry = retrying([DatabaseAwayError], first=first, longest=longest, waiting=waiting)
        await retry(self._ask, device)
        if len(self._asked) >= self.MOST:
            self._asked.clear()
        self._asked.add(device)
        for call in self._waiting.pop(device, ()):
            call()
