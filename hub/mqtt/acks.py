"""`$ack`: what the database holds, retained for the device to read at its next wake."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable

from hub.mqtt.errors import NotConnectedError
from hub.mqtt.source import Source

__all__ = ["Acks"]

log = logging.getLogger(__name__)


class Acks:
    """Publishes the last committed sequence number, at most once a second a device.

    The first goes out at once, so that a device that still listens hears it. What cannot be sent
    waits for the broker; of each device only the latest waits.
    """

    INTERVAL_S = 1.0

    def __init__(self, source: Source, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._waiting: dict[str, tuple[str, int]] = {}
        self._sent: dict[str, tuple[float, str, int]] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to publish."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Publish no more; the device sends again what it does not see acknowledged."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def committed(self, device: str, boot: str, seq: int) -> None:
        """Every reading of this boot identity up to `seq` is safe.

        Within a second it never goes back; a late older message may lower it afterwards, which
        costs the device one repetition and loses nothing.
        """
        for held in (self._waiting.get(device), self._sent.get(device, (0.0, "", 0))[1:]):
            if held is not None and held[0] == boot:
                seq = max(seq, held[1])
        self._waiting[device] = boot, seq
        self._wake.set()

    async def _run(self) -> None:
        while True:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            now = self._clock()
            self._forget(now)
            due = [device for device in self._waiting if device not in self._sent]
            if not due:
                await self._pause(now)
                continue
            await asyncio.gather(*(self._publish(device, now) for device in due[:100]))

    async def _pause(self, now: float) -> None:
        """Until a device's second is over, or another device has something."""
        oldest = next(iter(self._sent.values()))[0]
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.001, oldest + self.INTERVAL_S - now)):
                await self._wake.wait()

    async def _publish(self, device: str, now: float) -> None:
        boot, seq = self._waiting.pop(device)
        payload = json.dumps({"boot": boot, "seq": seq}, separators=(",", ":"))
        # Noted before it is sent, so that what comes meanwhile waits its second.
        self._sent[device] = now, boot, seq
        try:
            await self._source.publish(f"HomeKit/{device}/$ack", payload, retain=True)
        except NotConnectedError:
            self._waiting.setdefault(device, (boot, seq))

    def _forget(self, now: float) -> None:
        """Memory is for the devices of the last second only; dicts keep the order of insertion."""
        for device, (at, _, _) in list(self._sent.items()):
            if now - at < self.INTERVAL_S:
                return
            del self._sent[device]
