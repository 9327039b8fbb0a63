"""What one account may send: topics, messages and bytes; who sends more is shut out for a while."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from contracts import topics
from hub.errors import HubError
from hub.mqtt.broker_room import HEAP, BrokerRoom
from hub.mqtt.delivery import Delivery, Source
from hub.mqtt.errors import NotConnectedError
from hub.mqtt.shut_out import ShutOut
from hub.mqtt.subscriptions import Subscriptions
from hub.mqtt.waiting import Waiting
from hub.runtime.problems import Problems
from hub.runtime.supervisor import PartRole, Supervisor
from hub.runtime.token_bucket import TokenBucket

__all__ = ["AROUND", "LARGEST", "AccountLimits", "ReplayingSource"]

log = logging.getLogger(__name__)

LARGEST = 20_000
"""Bytes of one message of a device; docs/topics.md allows 16 KiB."""

AROUND = 2048
"""Bytes of a packet besides its payload: a topic, and MQTT 5's properties."""

# A property of 7 bytes, a name and a value of one each, is three pieces of mosquitto's memory with
# 104 bytes; it keeps those of each message that it retains or that waits.
_PROPERTIES = 16

_OURS = frozenset({"$ack", "$config", "$ota"})
"""What the hub leaves in a device's topics."""


class ReplayingSource(Source, Protocol):
    """A source that can be asked for retained messages again."""

    def replay(self, topic_filter: str) -> None:
        """Have the retained messages of a filter delivered once more."""


@dataclass(slots=True)
class _Used:
    """What one account has used of its limits."""

    bucket: TokenBucket
    topics: dict[int, int] = field(default_factory=dict)
    """The bytes of the last message of each topic and its name, by the topic's hash: a name may be
    20,000 bytes long."""
    kept: int = 0
    """The bytes of all of them, which the broker may retain."""


class AccountLimits:
    """A source that passes on what is within the limits of the account that sent it.

    A device may use `TOPICS` topics of its own (the broker keeps a message of each for as long as
    the sender likes, and no option of its bounds that), send `largest` bytes in a message (what
    somebody else's broker takes is that one's business: there it is infinite), have the broker
    retain `KEPT` bytes, and `BURST` units of a message and a KiB each at once, `PER_MINUTE` in the
    long run. Outside of HomeKit/ an account may be a gateway for many devices: it may use
    `FOREIGN_TOPICS`, and a message is bounded by the broker alone; `owner_of` says whose such a
    topic is (None: nobody's, it is not counted), `foreign_filters` where an account may write.

    One that goes beyond is shut out for `PAUSE_S`, each time within a day for twice as long up to
    `LONGEST_S`, counted as the problem `limit`; what it had sent is dropped, counted as
    `dropped`, and what the broker retains of it is removed. `shut_out` gets the names that may not
    connect now, `forget_session` one of them, for which nothing need wait any more.

    Whoever lets more wait at the broker than hub/mqtt/waiting.py allows is shut out, too; `taken`
    says what an account's connection has taken.

    Where the broker has more than `ALL_KEPT` bytes in use, those give way for which it keeps most,
    until it has half of that; after `SETTLE_S` it is looked at again. Where more than half is
    nobody's (what it has lost count of itself), `begin_anew` is called, once in `ANEW_EVERY_S`.
    """

    # HAP allows 100 services in an accessory; none has more than ten things to say for long.
    TOPICS = 1000
    # A gateway with 300 devices has some 50 of each where it says all properties' attributes.
    FOREIGN_TOPICS = 20_000
    # Half of the broker's memory_limit: what waits for a hub that was away takes up 150 MB.
    ALL_KEPT, SETTLE_S = 256 << 20, 15.0
    # s: each costs every connection half a second.
    ANEW_EVERY_S = 600.0
    # As many as TOPICS of the largest messages.
    KEPT = 20_000_000
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
        owner_of: Callable[[str], str | None] = lambda _: None,
        foreign_filters: Callable[[str], Iterable[str]] = lambda _: (),
        forget_session: Callable[[str], Awaitable[None]] | None = None,
        taken: Callable[[str], int | None] = lambda _: -1,
        begin_anew: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._source, self._shut_out, self._problems = source, shut_out, problems
        self._largest = largest
        self._owner_of, self._foreign_filters = owner_of, foreign_filters
        self._forget_session = forget_session
        self._clock = clock
        # The last is who was heard last.
        self._used: dict[str, _Used] = {}
        self._topics = 0
        self.subscriptions = Subscriptions()
        """What each account subscribes to."""
        self._room = BrokerRoom()
        self.waiting = Waiting(taken)
        """What waits for each account."""
        self._begin_anew = begin_anew
        self._settled_at = 0.0
        self._anew_at = -math.inf
        self._out = ShutOut(self.DEVICES)
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
        if delivery.topic == HEAP:
            self.acknowledge(delivery)
            if delivery.payload.isdigit():
                self.broker_holds(int(delivery.payload))
            return
        own = topics.device_of(delivery.topic)
        account = own or self._owner_of(delivery.topic)
        if account is None or self._allowed(account, delivery, foreign=own is None):
            deliver(delivery)
            return
        if delivery.retained and delivery.payload:
            self._remove(account, delivery.topic)
        self.acknowledge(delivery)

    def _allowed(self, account: str, delivery: Delivery, *, foreign: bool) -> bool:
        if account in self._out.names:
            if not delivery.retained:
                self._problems.note("dropped", account, "sent while it was shut out")
            return False
        used = self._use_of(account)
        self._count(account, used, delivery)
        most = self.FOREIGN_TOPICS if foreign else self.TOPICS
        if len(used.topics) > most:
            self._exceeds(account, f"uses more than {most} topics")
        elif not foreign and len(delivery.payload) > self._largest:
            self._exceeds(account, f"sends a message of more than {self._largest} bytes")
        elif used.kept > self.KEPT:
            self._exceeds(account, f"leaves more than {self.KEPT} bytes at the broker")
        elif not used.bucket.take(1 + _sent(delivery) // 1024):
            self._exceeds(account, f"sends more than {self.BURST} messages and KiB at once")
        elif not delivery.retained and self._too_much_waits(account, delivery):
            self._exceeds(account, f"lets more than {self.waiting.MOST >> 20} MiB wait for it")
        return account not in self._out.names

    def _use_of(self, account: str) -> _Used:
        """What an account has used, which is looked at now."""
        used = self._used.pop(account, None)
        if used is None:
            used = _Used(TokenBucket(self.BURST, self.PER_MINUTE, self._clock))
        self._used[account] = used
        return used

    def _too_much_waits(self, account: str, delivery: Delivery) -> bool:
        return self.waiting.said(account, delivery.topic, _kept(delivery))

    def connected(self, account: str, stays: bool) -> None:
        """An account has a new connection; `stays`: what waited for it may still."""
        self.waiting.connected(account, stays=stays)

    def _count(self, account: str, used: _Used, delivery: Delivery) -> None:
        topic, size = hash(delivery.topic), _kept(delivery)
        before = used.topics.get(topic)
        used.topics[topic] = size
        used.kept += size - (before or 0)
        self._room.sent(account, size)
        if before is None:
            self._topics += 1
            self._forget()

    def _forget(self) -> None:
        """What was used longest ago, where it is too much to remember."""
        while self._topics > self.ALL_TOPICS or len(self._used) > self.DEVICES:
            oldest = next(iter(self._used))
            self._topics -= len(self._used.pop(oldest).topics)

    def broker_holds(self, size: int) -> None:
        """The broker has so many bytes in use, for all accounts together."""
        now = self._clock()
        if size <= self.ALL_KEPT or now < self._settled_at:
            return
        self._settled_at = now + self.SETTLE_S
        kept = {name: used.kept for name, used in self._used.items()}
        if self._room.accounted(kept) < size // 2 and now - self._anew_at >= self.ANEW_EVERY_S:
            self._anew_at = now
            self._problems.note("broker-memory", None, "the broker keeps more than it knows of")
            self._begin_anew()
        for name in self._room.largest(kept, size - self.ALL_KEPT // 2):
            self._exceeds(name, f"has most of the {size >> 20} MiB that the broker keeps")

    def unread(self, account: str) -> None:
        """As much waits for an account at the broker as that keeps."""
        if account not in self._out.names:
            self._exceeds(account, "subscribes to what it does not take")

    def subscribed(self, account: str, topic_filter: str) -> None:
        """The broker keeps a filter for an account, level by level."""
        self._room.subscribed(account, topic_filter)
        self.waiting.subscribed(account, topic_filter)
        if account in self._out.names:
            return
        used = self._use_of(account)
        work = self.subscriptions.work(topic_filter, min(len(used.topics), self.TOPICS))
        if what := self.subscriptions.add(account, topic_filter):
            self._exceeds(account, what)
        elif not used.bucket.take(work):
            self._exceeds(account, f"subscribes as if to {self.BURST} messages at once")

    def _exceeds(self, account: str, what: str) -> None:
        pause = self._out.begin(account, self._clock(), self.PAUSE_S, self.LONGEST_S)
        if (used := self._used.pop(account, None)) is not None:
            self._topics -= len(used.topics)
        self.subscriptions.forget(account)
        self._room.forget(account)
        self.waiting.forget(account)
        self._problems.note("limit", account, f"{what}: shut out for {pause:.0f} s")
        self._changed.set()

    async def _sweep(self, device: str) -> None:
        """Have what the broker retains of a device come here, where it is removed."""
        for pause in self.SWEEPS_S:
            await asyncio.sleep(pause)
            for one in (topics.all_of(device), *self._foreign_filters(device)):
                self._source.replay(one)

    async def _end_session(self, device: str, forget: Callable[[str], Awaitable[None]]) -> None:
        try:
            await forget(device)
        except HubError as error:  # no address, no room for files: its next overflow tells again
            log.warning("what waits for %s stays at the broker: %s", device, error)

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
            self._out.end(self._clock())
            if told != (out := frozenset(self._out.names)):
                await self._shut_out(out)
                for device in out - told:
                    self._tasks.spawn("looking for what a device retains", self._sweep(device))
                    if self._forget_session is not None:
                        work = self._end_session(device, self._forget_session)
                        self._tasks.spawn("forgetting what waits for a device", work)
                told = out
            self._changed.clear()
            end = self._out.next_end()
            try:
                async with asyncio.timeout(None if end is None else end - self._clock()):
                    await self._changed.wait()
            except TimeoutError:
                continue


def _sent(delivery: Delivery) -> int:
    """The bytes of a message on its way."""
    return len(delivery.topic) + delivery.properties + len(delivery.payload)


def _kept(delivery: Delivery) -> int:
    """The bytes of memory that a message takes up at the broker."""
    return _sent(delivery) + (_PROPERTIES - 1) * delivery.properties
