"""What controllers write: to the device at once, or kept for one that sleeps.

A written value is shown at once and put back when the device does not confirm it in its time; it is
sent again to a device that connects anew meanwhile. A device that is known to be offline refuses; a
sleeping device's command waits as its desired state while HomeKit goes on showing the real one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from pyhap.const import HAP_SERVER_STATUS

from contracts.homekit.definitions import CHARACTERISTICS
from contracts.reading import SeriesKey, Value
from hub.errors import HubError
from hub.homekit.identity import Identities, part
from hub.homekit.pending_writes import Pending, as_text
from hub.homekit.presence import Presence
from hub.runtime.supervisor import Tasks

__all__ = ["CommandStyle", "Writes"]

log = logging.getLogger(__name__)

SUCCESS = int(HAP_SERVER_STATUS.SUCCESS)
OFFLINE = int(HAP_SERVER_STATUS.SERVICE_COMMUNICATION_FAILURE)


RESUBSCRIBED_S = 0.25
"""s: some devices say that they are there before they have subscribed to their commands."""


@dataclass(frozen=True, slots=True)
class CommandStyle:
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
        applied: Callable[[SeriesKey, Value], None],
        command_style: Callable[[str], CommandStyle],
        tasks: Tasks,
    ) -> None:
        self._command, self._desired = command, desired
        self._show, self._applied, self._command_style = show, applied, command_style
        self._tasks = tasks
        self.pending = Pending(lambda key: show(key, None))

    def write(
        self,
        key: SeriesKey,
        value: Value,
        client: tuple[str, int],
        presence: Presence,
        identities: Identities,
        *,
        patience: float,
    ) -> int:
        """Take a write that was checked already; the HAP status to answer with.

        `patience` is how long, in seconds, the device may take to confirm it.
        """
        if presence.unreachable:
            return OFFLINE
        readable = CHARACTERISTICS[key.characteristic].readable
        if presence.sleeps and self._desired is not None:
            if not readable:
                # What asks for an action now (Identify) would surprise at the next wake, and no
                # report could ever confirm it.
                return OFFLINE
            identities.set_desired(key.device, _name(key), as_text(value))
            self._spawn(self._keep(key, as_text(value)))
            # Once the writer has its answer it is told what really is.
            asyncio.get_running_loop().call_soon(self._show, key, None)
            return SUCCESS
        if readable:
            self.pending.expect(key, value, patience)
            self._show(key, client)
        self._spawn(self._send(key, value))
        return SUCCESS

    def received(self, key: SeriesKey, value: Value, identities: Identities) -> None:
        """A device reported a value, live: it may be the confirmation that is waited for."""
        if self.pending.get(key) == value:
            self.pending.settle(key)
        record = identities.accessories.get(key.device)
        if record is not None and record.desired.get(_name(key)) == as_text(value):
            identities.set_desired(key.device, _name(key), None)
            self._spawn(self._keep(key, None))

    def reconnected(self, device: str) -> None:
        """A device is connected anew: what it has not confirmed is sent once more.

        A broker keeps nothing for a session that has ended, and takes a while to see that one has:
        what was sent meanwhile reached nobody.
        """
        for key, value in self.pending.of(device):
            self._spawn(self._send_again(key, value))

    def forget(self, device: str) -> None:
        """A device was removed."""
        self.pending.clear(device)

    async def stop(self) -> None:
        """Wait for no confirmation any more, and send no more."""
        self.pending.clear()
        await self._tasks.stop()

    async def _send(self, key: SeriesKey, value: Value) -> None:
        try:
            await self._command(key, as_text(value))
        except HubError as error:
            log.warning("homekit: cannot send %s %s: %s", key.device, key.characteristic, error)
            self.pending.give_up(key)
            return
        except BaseException:
            self.pending.give_up(key)  # whatever it is: the device was not told
            raise
        if not self._command_style(key.device).echoes:
            self.pending.settle(key)
            self._applied(key, value)

    async def _send_again(self, key: SeriesKey, value: Value) -> None:
        await asyncio.sleep(RESUBSCRIBED_S)
        if self.pending.get(key) == value:
            await self._send(key, value)

    async def _keep(self, key: SeriesKey, text: str | None) -> None:
        if self._desired is None:
            return
        try:
            await self._desired(key, text)
        except HubError as error:  # the next write tries again
            log.warning("homekit: cannot leave %s for %s: %s", text, key.device, error)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.spawn("telling a device what HomeKit wants", work)


def _name(key: SeriesKey) -> str:
    return part(key.service, key.index, key.characteristic)
