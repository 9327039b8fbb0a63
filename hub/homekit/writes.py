"""What controllers write: to the device at once, or kept for one that sleeps.

A written value is shown at once and put back when the device does not confirm it in its time; a
device that is known to be offline refuses; a sleeping device's command waits as its desired state
while HomeKit goes on showing the real one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pyhap.const import HAP_SERVER_STATUS

from contracts.homekit.definitions import CHARACTERISTICS
from contracts.reading import SeriesKey, Value
from hub.homekit.identity import Identities, part
from hub.homekit.pending_writes import Pending, as_text
from hub.homekit.presence import Presence

__all__ = ["Manners", "Writes"]

log = logging.getLogger(__name__)

SUCCESS = int(HAP_SERVER_STATUS.SUCCESS)
OFFLINE = int(HAP_SERVER_STATUS.SERVICE_COMMUNICATION_FAILURE)


@dataclass(frozen=True, slots=True)
class Manners:
    """How a device takes commands.

    `confirm` is how long, in seconds, it may take to report the new state; `echoes` is False for
    one that obeys without reporting (as where state and command share a topic): what was sent is
    taken for its state.
    """

    confirm: float = 5.0
    echoes: bool = True


class Writes:
    """Commands under way. `show` shows a series' value to all controllers but one."""

    def __init__(
        self,
        command: Callable[[SeriesKey, str], Awaitable[None]],
        desired: Callable[[SeriesKey, str | None], Awaitable[None]] | None,
        *,
        show: Callable[[SeriesKey, tuple[str, int] | None], None],
        obeyed: Callable[[SeriesKey, Value], None],
        manners: Callable[[str], Manners],
    ) -> None:
        self._command, self._desired = command, desired
        self._show, self._obeyed, self._manners = show, obeyed, manners
        self._tasks: set[asyncio.Task[None]] = set()
        self.pending = Pending(lambda key: show(key, None))

    def write(
        self,
        key: SeriesKey,
        value: Value,
        client: tuple[str, int],
        presence: Presence,
        identities: Identities,
    ) -> int:
        """Take a write that was checked already; the HAP status to answer with."""
        if presence.unreachable:
            return OFFLINE
        if presence.sleeps and self._desired is not None:
            identities.desire(key.device, _name(key), as_text(value))
            self._spawn(self._keep(key, as_text(value)))
            # Once the writer has its answer it is told what really is.
            asyncio.get_running_loop().call_soon(self._show, key, None)
            return SUCCESS
        if CHARACTERISTICS[key.characteristic].readable:
            self.pending.expect(key, value, self._manners(key.device).confirm)
            self._show(key, client)
        self._spawn(self._send(key, value))
        return SUCCESS

    def heard(self, key: SeriesKey, value: Value, identities: Identities) -> None:
        """A device reported a value, live: it may be the confirmation that is waited for."""
        if self.pending.get(key) == value:
            self.pending.settle(key)
        record = identities.accessories.get(key.device)
        if record is not None and record.desired.get(_name(key)) == as_text(value):
            identities.desire(key.device, _name(key), None)
            self._spawn(self._keep(key, None))

    def forget(self, device: str) -> None:
        """A device was removed."""
        self.pending.clear(device)

    async def stop(self) -> None:
        """Wait for no confirmation any more; what is being sent is sent."""
        self.pending.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send(self, key: SeriesKey, value: Value) -> None:
        try:
            await self._command(key, as_text(value))
        except Exception as error:  # noqa: BLE001  # whatever it is: the device was not told
            log.warning("homekit: cannot tell %s %s: %s", key.device, key.characteristic, error)
            self.pending.give_up(key)
            return
        if not self._manners(key.device).echoes:
            self.pending.settle(key)
            self._obeyed(key, value)

    async def _keep(self, key: SeriesKey, text: str | None) -> None:
        if self._desired is None:
            return
        try:
            await self._desired(key, text)
        except Exception as error:  # noqa: BLE001  # as above; the next write tries again
            log.warning("homekit: cannot leave %s for %s: %s", text, key.device, error)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _name(key: SeriesKey) -> str:
    return part(key.service, key.index, key.characteristic)
