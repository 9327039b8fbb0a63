"""`$ack`: what the database holds, retained for the device to read at its next wake."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterable

from contracts import topics
from contracts.batch import FORM
from contracts.messages import Batch
from hub.database.errors import DatabaseAwayError
from hub.mqtt.delivery import Source
from hub.mqtt.errors import NotConnectedError
from hub.mqtt.ledger import Ledger
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["Acks"]

log = logging.getLogger(__name__)

# Made once: json.dumps makes one at each call that wants something of its own.
_encode = json.JSONEncoder(separators=(",", ":")).encode


class Acks:
    """Publishes the last committed sequence number, at most once a second a device.

    The first goes out at once, so that a device that still listens hears it. What cannot be sent
    waits for the broker; of each device only the latest waits. `stored_ranges` asks the database
    for the ranges it holds of a device's boot identity, once after a start, with the first message
    that leaves something before it open: after a power cut that of no device does.
    """

    INTERVAL_S = 1.0
    # Sent and not confirmed by the broker: more would only wait there.
    AT_ONCE = 1000

    def __init__(
        self,
        source: Source,
        stored_ranges: Callable[[str, str], Awaitable[Iterable[tuple[int, int]]]],
        clock: Callable[[], float] = time.monotonic,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._source = source
        self._stored_ranges = stored_ranges
        self._clock = clock
        self._ledger = Ledger()
        self._waiting: dict[str, tuple[str, int]] = {}
        self._sent: dict[str, float] = {}
        self._under_way = 0
        self._wake = asyncio.Event()
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.INTAKE)

    async def start(self) -> None:
        """Begin to publish."""
        self._tasks.loop("acknowledgements to devices", self._run)

    async def stop(self) -> None:
        """Publish no more; the device sends again what it does not see acknowledged."""
        await self._tasks.stop()

    async def sent(self, within_s: float) -> bool:
        """Whether all that is to be published is, within so many seconds."""
        until = self._clock() + within_s
        while (self._waiting or self._under_way) and self._clock() < until:  # noqa: ASYNC110  # of many, for ms
            await asyncio.sleep(0.01)
        return not self._waiting and not self._under_way

    def committed(self, batch: Batch) -> None:
        """The readings of a batch are safe (or refused for good)."""
        if self._ledger.settles(batch.device, batch.boot, batch.after):
            self._account(batch)
            return
        self._tasks.spawn("what the database holds of a device", self._load(batch))

    async def _load(self, batch: Batch) -> None:
        try:
            ranges = await self._stored_ranges(batch.device, batch.boot)
        except DatabaseAwayError as error:
            log.warning("not acknowledged to %s, it will ask again: %s", batch.device, error.reason)
            return
        self._ledger.load(batch.device, batch.boot, ranges)
        self._account(batch)

    def _account(self, batch: Batch) -> None:
        seq = self._ledger.account(batch.device, batch.boot, batch.after, batch.last)
        if seq:
            self._waiting[batch.device] = batch.boot, seq
            self._wake.set()

    async def _run(self) -> None:
        while True:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            now = self._clock()
            self._forget(now)
            room = self.AT_ONCE - self._under_way
            due = [device for device in self._waiting if device not in self._sent] if room else []
            if not due:
                await self._pause(now)
                continue
            for device in due[:room]:
                # Noted before it is sent, so that what comes meanwhile waits its second.
                self._sent[device] = now
                self._under_way += 1
                work = self._publish(device, *self._waiting.pop(device))
                self._tasks.spawn("an acknowledgement to a device", work)

    async def _pause(self, now: float) -> None:
        """Until a device's second is over, another has something, or one more may be sent."""
        oldest = next(iter(self._sent.values()), now)
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.001, oldest + self.INTERVAL_S - now)):
                await self._wake.wait()

    async def _publish(self, device: str, boot: str, seq: int) -> None:
        said = {"boot": boot, "seq": seq, "batch": FORM}
        payload = _encode(said)
        try:
            await self._source.publish(topics.ack(device), payload, retain=True)
        except NotConnectedError:
            self._waiting.setdefault(device, (boot, seq))
        finally:
            self._under_way -= 1
            if self._waiting:
                self._wake.set()

    def _forget(self, now: float) -> None:
        """Memory is for the devices of the last second only; dicts keep the order of insertion."""
        for device, at in list(self._sent.items()):
            if now - at < self.INTERVAL_S:
                return
            del self._sent[device]
