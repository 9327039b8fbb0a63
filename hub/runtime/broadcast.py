"""The one publish and subscribe: bounded streams that a slow subscriber cannot hold up."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import Generic, NamedTuple, Self, TypeVar

__all__ = ["Broadcast", "Channel", "Missed", "Subscription"]

T = TypeVar("T")


class Missed(NamedTuple):
    """Events that this subscriber will not get; `number` is None where nobody knows it."""

    number: int | None


class Channel(Generic[T]):
    """One stream of events, of which the last `size` are kept.

    A subscriber that falls further behind loses the oldest and is told how many (Missed).
    """

    def __init__(self, size: int) -> None:
        # Event number n lies at n % size until n + size comes.
        self.ring: list[T | None] = [None] * size
        self.count = 0
        self.subscribers = 0
        self.left_at = 0.0
        self.closed = False
        # Tells positions of this channel from those of one that was here before it.
        self.name = secrets.token_hex(4)
        self.waiting: set[asyncio.Future[None]] = set()

    def publish(self, event: T) -> None:
        """Tell the subscribers; they get it at their next turn on the loop."""
        self.ring[self.count % len(self.ring)] = event
        self.count += 1
        self.wake()

    def subscribe(self, *, after: str | None = None) -> Subscription[T]:
        """The events from now on, or beyond a position (Subscription.position).

        `async with channel.subscribe() as events: async for event in events`. The iteration ends
        when the channel is closed.
        """
        return Subscription(lambda: self, after)

    def close(self) -> None:
        """End every subscription."""
        self.closed = True
        self.wake()

    def wake(self) -> None:
        """Let those who wait look again."""
        waiting, self.waiting = self.waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def number_of(self, position: str) -> int | None:
        """Up to which event a subscriber was that stood there; None for no position of ours."""
        name, _, number = position.partition("-")
        # ascii digits alone: int() would take signs, blanks and underscores too.
        known = name == self.name and number.isascii() and number.isdigit()
        if known and len(number) <= 18 and int(number) <= self.count:
            return int(number)
        return None


class Broadcast(Generic[T]):
    """A channel for each topic, while it has subscribers; without any it costs nothing.

    It is kept `linger_s` after its last subscriber left, so that one who comes back goes on where
    it was.
    """

    def __init__(self, size: int, linger_s: float) -> None:
        self.size, self.linger_s = size, linger_s
        self.closed = False
        self._channels: dict[str, Channel[T]] = {}

    @property
    def idle(self) -> bool:
        """Whether nobody looks on, at any topic: what is published goes nowhere."""
        return not self._channels

    def publish(self, topic: str, event: T) -> None:
        """Tell a topic's subscribers; they get it at their next turn on the loop."""
        channel = self._channels.get(topic)
        if channel is None:
            return
        channel.publish(event)
        if not channel.subscribers and time.monotonic() - channel.left_at > self.linger_s:
            del self._channels[topic]

    def subscribe(self, topic: str, *, after: str | None = None) -> Subscription[T]:
        """As Channel.subscribe, for one topic."""
        return Subscription(lambda: self._channel(topic), after)

    def close(self) -> None:
        """End every subscription, of those who come later too."""
        self.closed = True
        for channel in self._channels.values():
            channel.close()

    def _channel(self, topic: str) -> Channel[T]:
        channel = self._channels.get(topic)
        if channel is None:
            channel = self._channels[topic] = Channel(self.size)
            channel.closed = self.closed
        return channel


class Subscription(Generic[T]):
    """One subscriber's place in a stream; iterate, within `async with`, by one task.

    `channel` is asked for at the beginning of the block.
    """

    def __init__(self, channel: Callable[[], Channel[T]], after: str | None) -> None:
        self._enter, self._after = channel, after
        self._channel: Channel[T] | None = None
        self._next = 0
        self._unknown = False
        self._stopped = False

    async def __aenter__(self) -> Self:
        channel = self._channel = self._enter()
        channel.subscribers += 1
        self._next = channel.count
        if self._after is not None:
            number = channel.number_of(self._after)
            self._unknown = number is None
            self._next = channel.count if number is None else number
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

    async def batch(self, most: int) -> list[T | Missed]:
        """What there is, once there is something: 1 to `most` events; [] at the end."""
        events: list[T | Missed] = []
        channel = self._open()
        async for event in self:
            events.append(event)
            if len(events) >= most or self._next == channel.count:
                break
        return events

    async def changed(self) -> bool:
        """Wait until something came, and take all there is as one; False at the end.

        For those who look for themselves at what is now so.
        """
        channel = self._open()
        try:
            await self.__anext__()
        except StopAsyncIteration:
            return False
        self._next = channel.count
        return True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T | Missed:
        channel = self._open()
        if self._stopped:
            raise StopAsyncIteration
        if self._unknown:
            self._unknown = False
            return Missed(None)
        while self._next == channel.count:
            if channel.closed or self._stopped:
                raise StopAsyncIteration
            waiting = asyncio.get_running_loop().create_future()
            channel.waiting.add(waiting)
            try:
                await waiting
            finally:  # given up waiting, for a heartbeat say: nobody is to be woken
                channel.waiting.discard(waiting)
        lost = channel.count - len(channel.ring) - self._next
        if lost > 0:
            self._next += lost
            return Missed(lost)
        event = channel.ring[self._next % len(channel.ring)]
        self._next += 1
        # The ring is filled up to `count`; its type also holds what it is made with.
        return event  # type: ignore[return-value]

    def _open(self) -> Channel[T]:
        if self._channel is None:
            raise RuntimeError("use `async with ....subscribe(...)`")
        return self._channel
