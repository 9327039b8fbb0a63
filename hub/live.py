"""What is happening now, to whoever looks on: one bounded stream of events for each tenant."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Self, TypeAlias

from contracts.reading import SeriesKey, Value

__all__ = [
    "Live",
    "LiveChange",
    "LiveCommand",
    "LiveOnline",
    "LiveReport",
    "LiveValue",
    "Missed",
    "Subscription",
    "Update",
]


class LiveValue(NamedTuple):
    """A value as it was heard, not calibrated; it is in the database a moment later.

    `at` is when it was measured (UTC): late readings of a `$batch` come in the order of their
    times, which may lie before those of values told earlier.
    """

    series: SeriesKey
    value: Value
    at: datetime


class LiveReport(NamedTuple):
    """A device's `$report` as it came (JSON), received at `at`."""

    device: str
    report: Mapping[str, Any]
    at: datetime


class LiveOnline(NamedTuple):
    """A device that stays awake came or went."""

    device: str
    online: bool
    at: datetime


class LiveCommand(NamedTuple):
    """Somebody's wish was sent to a device; what it does about it comes as a LiveValue."""

    series: SeriesKey
    value: Value
    at: datetime


class LiveChange(NamedTuple):
    """Something else is not as it was (`noun`: "place", "rollout", ...; `key`: which): ask anew."""

    noun: str
    key: str


class Missed(NamedTuple):
    """Events that this subscriber will not get; `number` is None where nobody knows it."""

    number: int | None


Update: TypeAlias = LiveValue | LiveReport | LiveOnline | LiveCommand | LiveChange


@dataclass(slots=True)
class _Channel:
    """A tenant's last events; event number n lies at n % size until n + size comes."""

    size: int
    ring: list[Update | None] = field(init=False)
    # Tells positions of this channel from those of one that was here before it.
    name: str = field(default_factory=lambda: secrets.token_hex(4))
    count: int = 0
    subscribers: int = 0
    left_at: float = 0.0
    waiting: set[asyncio.Future[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ring = [None] * self.size

    def put(self, update: Update) -> None:
        self.ring[self.count % self.size] = update
        self.count += 1
        self.wake()

    def wake(self) -> None:
        waiting, self.waiting = self.waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)


class Live:
    """The streams of all tenants. Without subscribers a tenant has none, and costs nothing.

    A stream keeps its last SIZE events, so a subscriber that falls further behind loses the oldest,
    and LINGER_S after its last subscriber left, so that one who comes back goes on where it was.
    """

    SIZE = 2048
    LINGER_S = 120.0

    def __init__(self) -> None:
        self._channels: dict[str, _Channel] = {}
        self._closed = False

    @property
    def idle(self) -> bool:
        """Whether nobody looks on, of any tenant: what is published goes nowhere."""
        return not self._channels

    def publish(self, tenant: str, update: Update) -> None:
        """Tell a tenant's subscribers; they get it at their next turn on the loop."""
        channel = self._channels.get(tenant)
        if channel is None:
            return
        channel.put(update)
        if not channel.subscribers and time.monotonic() - channel.left_at > self.LINGER_S:
            del self._channels[tenant]

    def subscribe(self, tenant: str, *, after: str | None = None) -> Subscription:
        """A tenant's events from now on, or beyond a position (Subscription.position).

        `async with live.subscribe(tenant) as updates: async for update in updates`. The iteration
        ends when the hub does.
        """
        return Subscription(self, tenant, after)

    def close(self) -> None:
        """End every subscription."""
        self._closed = True
        for channel in self._channels.values():
            channel.wake()

    @property
    def closed(self) -> bool:
        """Whether there is nothing more to come."""
        return self._closed

    def _enter(self, tenant: str) -> _Channel:
        channel = self._channels.get(tenant)
        if channel is None:
            channel = self._channels[tenant] = _Channel(self.SIZE)
        channel.subscribers += 1
        return channel


class Subscription:
    """One subscriber's place in its tenant's stream; iterate, within `async with`, by one task."""

    def __init__(self, live: Live, tenant: str, after: str | None) -> None:
        self._live, self._tenant, self._after = live, tenant, after
        self._channel: _Channel | None = None
        self._next = 0
        self._unknown = False
        self._stopped = False

    async def __aenter__(self) -> Self:
        channel = self._channel = self._live._enter(self._tenant)  # noqa: SLF001  # its other half
        self._next = channel.count
        if self._after is not None:
            name, _, number = self._after.partition("-")
            # ascii digits alone: int() would take signs, blanks and underscores too.
            known = name == channel.name and number.isascii() and number.isdigit()
            if known and len(number) <= 18 and int(number) <= channel.count:
                self._next = int(number)
            else:
                self._unknown = True
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._channel is not None:
            self._channel.subscribers -= 1
            self._channel.left_at = time.monotonic()
            self._channel = None

    @property
    def position(self) -> str:
        """Where this subscriber stands: everything before it was given or told as missed."""
        channel = self._open()
        return f"{channel.name}-{self._next}"

    def stop(self) -> None:
        """End the iteration from elsewhere: whoever looks on may no longer."""
        self._stopped = True
        if self._channel is not None:
            self._channel.wake()

    async def batch(self, most: int) -> list[Update | Missed]:
        """What there is, once there is something: 1 to `most` events; [] at the end."""
        found: list[Update | Missed] = []
        channel = self._open()
        async for update in self:
            found.append(update)
            if len(found) >= most or self._next == channel.count:
                break
        return found

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Update | Missed:
        channel = self._open()
        if self._stopped:
            raise StopAsyncIteration
        if self._unknown:
            self._unknown = False
            return Missed(None)
        while self._next == channel.count:
            if self._live.closed or self._stopped:
                raise StopAsyncIteration
            waiting = asyncio.get_running_loop().create_future()
            channel.waiting.add(waiting)
            try:
                await waiting
            finally:  # given up waiting, for a heartbeat say: nobody is to be woken
                channel.waiting.discard(waiting)
        lost = channel.count - channel.size - self._next
        if lost > 0:
            self._next += lost
            return Missed(lost)
        update = channel.ring[self._next % channel.size]
        self._next += 1
        if update is None:
            raise RuntimeError("an event that was counted is not there")
        return update

    def _open(self) -> _Channel:
        if self._channel is None:
            raise RuntimeError("use `async with live.subscribe(...)`")
        return self._channel
