"""Brings to the hub what waits of one device: in order, until the hub's database has it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from hub.mqtt.account_limits import LARGEST
from hub.mqtt.errors import NotConnectedError, PublishRefusedError
from hub.mqtt.source import MqttSource
from hub.sites.stamped import is_for_now_alone, stamped
from hub.sites.unacknowledged import Acknowledged, Unacknowledged, numbers_of
from hub.sites.waiting import WaitingMessage, WaitingMessages

__all__ = ["DeviceSender", "is_too_large"]

log = logging.getLogger(__name__)

# s: between two looks at a line that is not there, and for room.
_PAUSE_S = 1.0
# Times that a message is refused before it is dropped: then it is no misunderstanding.
_PATIENCE = 60


class DeviceSender:
    """Sends what a device said, until `run` is cancelled.

    A `$batch` with readings is forgotten when an `$ack` covers it (Unacknowledged), anything else
    when the hub's broker has it. `room` is how many messages of all devices may still wait for
    their `$ack`; one of each device always may. `others_at` is when the hub last acknowledged
    anything of anybody.
    """

    def __init__(
        self,
        device: str,
        hub: MqttSource,
        waiting: WaitingMessages,
        *,
        room: Callable[[], int],
        others_at: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._device, self._hub, self._waiting = device, hub, waiting
        self._room, self._others_at, self._clock = room, others_at, clock
        self._wake = asyncio.Event()
        self._was_away = False
        self._refused: Counter[int] = Counter()
        self.unacknowledged = Unacknowledged()

    def wake(self) -> None:
        """Something of the device waits."""
        self._wake.set()

    def acknowledged(self, payload: bytes) -> None:
        """The hub said `$ack`."""
        ack = Acknowledged.of(payload)
        if ack is not None:
            self._waiting.forget(self.unacknowledged.acknowledged(ack, self._clock()))
            self._wake.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            self._wake.clear()
            pause = await self._send()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def _send(self) -> float | None:
        """Send what may be sent; seconds until there may be more by itself."""
        sent = self.unacknowledged
        if not self._hub.connected.is_set():
            self._was_away = True
            return _PAUSE_S
        if self._was_away:
            self._was_away = False
            sent.connected()
        if sent and not sent.due_in(self._clock()):
            await self._send_again()
        waiting = self._waiting.first(self._device, sent.WINDOW + len(sent))
        chosen = self._choose(waiting)
        if not await self._bring(chosen):
            return _PAUSE_S
        if chosen:
            return 0.0
        if len(waiting) > len(sent):
            return min(_PAUSE_S, sent.due_in(self._clock())) if sent else _PAUSE_S
        return sent.due_in(self._clock()) if sent else None

    def _choose(self, waiting: Sequence[WaitingMessage]) -> list[WaitingMessage]:
        """The first ones that need not wait for an `$ack`; what the hub has is forgotten."""
        sent, room, now = self.unacknowledged, self._room(), self._clock()
        chosen: list[WaitingMessage] = []
        held: list[int] = []
        for message in waiting:
            if message.number in sent:
                continue
            numbers = None if sent.given_up else numbers_of(message.topic, message.payload)
            if numbers is not None and sent.holds(numbers):
                held.append(message.number)
                continue
            if numbers is not None:
                if not sent.takes(numbers) or (room <= 0 and sent):
                    break
                sent.sent(message.number, numbers, now)
                room -= 1
            chosen.append(message)
        self._waiting.forget(held)
        return chosen

    async def _bring(self, messages: Sequence[WaitingMessage]) -> bool:
        """Whether all of them arrived at the hub's broker, or need not."""
        arrived = await asyncio.gather(*map(self._publish, messages))
        done: list[int] = []
        for message, has_arrived in zip(messages, arrived, strict=True):
            if not has_arrived:
                self.unacknowledged.drop(message.number)
            elif message.number not in self.unacknowledged:
                done.append(message.number)
        self._waiting.forget(done)
        return all(arrived)

    async def _send_again(self) -> None:
        sent = self.unacknowledged
        if given_up := sent.give_up():
            log.warning(
                "the hub acknowledges nothing of %s, though it takes it: %d messages are kept no "
                "longer, and what it says is brought once from now on",
                self._device,
                len(given_up),
            )
            self._waiting.forget(given_up)
            return
        numbers = sent.again(self._clock(), others_at=self._others_at())
        messages = self._waiting.those(numbers)
        for gone in set(numbers) - {one.number for one in messages}:
            sent.drop(gone)
        await self._bring(messages)

    async def _publish(self, message: WaitingMessage) -> bool:
        if is_for_now_alone(message.topic, message.waited):
            return True
        try:
            payload = stamped(message.topic, message.payload, message.waited)
            if is_too_large(message.topic, payload):
                self._drop([message.number])
                return True
            await self._hub.publish(message.topic, payload, qos=1)
        except NotConnectedError:
            return False
        except PublishRefusedError:
            # A hub that has just started, or a device that has just come to the site.
            self._refused[message.number] += 1
            if self._refused[message.number] <= _PATIENCE:
                return False
            log.warning(
                "the hub takes nothing of %s: is the device in the site's place? dropped",
                message.topic,
            )
            self._drop([message.number])
        self._refused.pop(message.number, None)
        return True

    def _drop(self, numbers: Iterable[int]) -> None:
        """They wait for no `$ack`."""
        for number in numbers:
            self.unacknowledged.drop(number)


def is_too_large(topic: str, payload: bytes) -> bool:
    """Whether the hub's broker would hang up at it, each time it is brought."""
    size = len(topic.encode()) + len(payload)
    if size > LARGEST:
        log.warning("%.100s: %d bytes, of %d at most: dropped", topic, size, LARGEST)
    return size > LARGEST
