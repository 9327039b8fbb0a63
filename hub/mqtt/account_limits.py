"""What one account may send: topics, messages and bytes; who sends more is shut out for a while."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from contracts import topics
from hub.mqtt.errors import NotConnectedError
from hub.mqtt.source import Delivery, Source
from hub.runtime.problems import Problems
from hub.runtime.supervisor import PartRole, Supervisor
from hub.runtime.token_bucket import TokenBucket

__all__ = ["LARGEST", "AccountLimits", "ReplayingSource"]

log = logging.getLogger(__name__)

LARGEST = 20_000
"""Bytes of one message of a device; docs/topics.md allows 16 KiB."""

_OURS = frozenset({"$ack", "$config", "$ota"})
"""What the hub leaves in a device's topics."""


class ReplayingSource(Source, Protocol):
    """A source that can be asked for retained messages again."""

    def replay(self, topic_filter: str) -> None:
        """Have the retained messages of a filter delivered once more."""


@dataclass(slots=True)
class _Used:
    """What one device has used of its limits."""

    bucket: TokenBucket
    topics: set[str] = field(default_factory=set)
    until: float = 0.0
    """To when it is shut out, by the clock of AccountLimits."""
    times: int = 0


class AccountLimits:
    """A source that passes on what is within the limits of the device that sent it.

    A device may use `TOPICS` topics of its own (the broker keeps a message of each for as long as
    the sender likes, and no option of its bounds that), send `largest` bytes in a message (what
    somebody else's broker takes is that one's business: there it is infinite), and
    `BURST` units of a message and a KiB each at once, `PER_MINUTE` in the long run. One that goes
    beyond is shut out for `PAUSE_S`,
    each time for twice as long up to `LONGEST_S`, counted as the problem `limit`; what it had sent
    is dropped, and what the broker retains of it is removed. `shut_out` gets the names that may not
    connect now.
    """

    # HAP allows 100 services in an accessory; none has more than ten things to say for long.
    TOPICS = 1000
    # A device that was cut off for a month, with a reading each minute, has about as many.
    BURST, PER_MINUTE = 40_000, 12_000
    PAUSE_S, LONGEST_S = 60.0, 3600.0
    # s: mosquitto disconnects who may not connect within a second of being told.
    SWEEPS_S = (0.0, 2.0, 10.0)
    # Of how many the use is remembered, and how many topics of all together: some 30 MB.
    DEVICES, ALL_TOPICS = 50_000, 200_000

    def __init__(
        self,
        source: ReplayingSource,
        shut_out: Callable[[frozenset[str]], Awaitable[None]],
        problems: Problems,
        *,
        largest: float = LARGEST,
        clock: Callable[[], float] = time.monotonic,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._source, self._shut_out, self._problems = source, shut_out, problems
        self._largest = largest
        self._clock = clock
        # The last is who was heard last.
        self._used: dict[str, _Used] = {}
        self._topics = 0
        self._out: set[str] = set()
        self._changed = asyncio.Event()
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.INTAKE)

    # --- a source -----------------------------------------------------------------------------

    async def start(self, deliver: Callable[[Delivery], None]) -> None:
        """Begin; `deliver` gets what is within the limits."""
        self._tasks.loop("shutting out who sends too much", self._run)
        await self._source.start(partial(self._pass_on, deliver))

    async def stop(self) -> None:
        """End."""
        await self._source.stop()
        await self._tasks.stop()

    def acknowledge(self, delivery: Delivery) -> None:
        """As Source.acknowledge."""
        self._source.acknowledge(delivery)

    async def publish(
        self, topic: str, payload: str | bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        """As Source.publish."""
        await self._source.publish(topic, payload, qos=qos, retain=retain)

    # --- limits -------------------------------------------------------------------------------

    def _pass_on(self, deliver: Callable[[Delivery], None], delivery: Delivery) -> None:
        device = topics.device_of(delivery.topic)
        if device is None or self._allowed(device, delivery):
            deliver(delivery)
            return
        if delivery.retained and delivery.payload:
            self._remove(device, delivery.topic)
        self.acknowledge(delivery)

    def _allowed(self, device: str, delivery: Delivery) -> bool:
        used = self._used.pop(device, None)
        if used is None:
            used = _Used(TokenBucket(self.BURST, self.PER_MINUTE, self._clock))
        self._used[device] = used
        if device in self._out:
            return False
        if delivery.topic not in used.topics:
            used.topics.add(delivery.topic)
            self._topics += 1
            self._forget()
        if len(used.topics) > self.TOPICS:
            self._exceeds(device, used, f"uses more than {self.TOPICS} topics")
        elif len(delivery.payload) > self._largest:
            self._exceeds(device, used, f"sends a message of more than {self._largest} bytes")
        elif not used.bucket.take(1 + len(delivery.payload) // 1024):
            self._exceeds(device, used, f"sends more than {self.BURST} messages and KiB at once")
        return device not in self._out

    def _forget(self) -> None:
        """What was used longest ago, where it is too much to remember."""
        while self._topics > self.ALL_TOPICS or len(self._used) > self.DEVICES:
            oldest = next(iter(self._used))
            self._topics -= len(self._used.pop(oldest).topics)

    def _exceeds(self, device: str, used: _Used, what: str) -> None:
        pause = min(self.PAUSE_S * 2**used.times, self.LONGEST_S)
        used.times = min(used.times + 1, 10)
        used.until = self._clock() + pause
        self._topics -= len(used.topics)
        used.topics = set()
        used.bucket = TokenBucket(self.BURST, self.PER_MINUTE, self._clock)
        self._problems.note("limit", device, f"{what}: shut out for {pause:.0f} s")
        self._out.add(device)
        self._changed.set()

    async def _sweep(self, device: str) -> None:
        """Have what the broker retains of a device come here, where it is removed."""
        for pause in self.SWEEPS_S:
            await asyncio.sleep(pause)
            self._source.replay(topics.all_of(device))

    def _remove(self, device: str, topic: str) -> None:
        """What the broker retains of a device that was shut out."""
        if topic.removeprefix(topics.all_of(device)[:-1]) not in _OURS:
            self._tasks.spawn("removing what a device retains", self._clear(topic))

    async def _clear(self, topic: str) -> None:
        try:
            await self._source.publish(topic, b"", qos=0, retain=True)
        except NotConnectedError:
            return  # it is delivered again at the next connection

    async def _run(self) -> None:
        told: frozenset[str] = frozenset()
        while True:
            now = self._clock()
            self._out = {one for one in self._out if self._used_until(one) > now}
            if told != (out := frozenset(self._out)):
                await self._shut_out(out)
                for device in out - told:
                    self._tasks.spawn("looking for what a device retains", self._sweep(device))
                told = out
            self._changed.clear()
            ends = [self._used_until(one) - now for one in out]
            try:
                async with asyncio.timeout(min(ends, default=None)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _used_until(self, device: str) -> float:
        used = self._used.get(device)
        return used.until if used is not None else 0.0
