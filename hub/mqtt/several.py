"""Several brokers as one source: what comes from any of them, what goes out to all."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from functools import partial

from hub.mqtt.delivery import Delivery
from hub.mqtt.errors import NotConnectedError
from hub.mqtt.source import MqttSource
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["SeveralSources"]


class SeveralSources:
    """A Source over those of several brokers.

    `connected` is set while any of them is, `lost` while none is. Where a device is connected
    nobody says: what is published goes to all that can be reached.
    """

    def __init__(self, sources: Sequence[MqttSource], supervisor: Supervisor) -> None:
        self.links = tuple(sources)
        self._tasks = supervisor.tasks(PartRole.DUTIES)
        self.connected, self.lost = asyncio.Event(), asyncio.Event()

    async def start(self, deliver: Callable[[Delivery], None]) -> None:
        """Connect to all, in the background, for ever."""
        for source in self.links:
            self._tasks.loop("watching a broker", partial(self._watch, source))
            await source.start(partial(_tagged, source, deliver))

    async def stop(self) -> None:
        """Disconnect from all."""
        await asyncio.gather(*(source.stop() for source in self.links))
        await self._tasks.stop()
        self.connected.clear()
        self.lost.set()

    def acknowledge(self, delivery: Delivery) -> None:
        """Let the broker it came from forget a message."""
        if isinstance(delivery.tag, tuple):
            source, tag = delivery.tag
            source.acknowledge(dataclasses.replace(delivery, tag=tag))

    async def publish(
        self, topic: str, payload: str | bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Send to all that are there. Raises NotConnectedError where none of them has it."""
        sent = [source.publish(topic, payload, qos=qos, retain=retain) for source in self.links]
        results = await asyncio.gather(*sent, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, NotConnectedError):
                raise result
        if all(isinstance(result, NotConnectedError) for result in results):
            raise NotConnectedError

    def follow(self, filters: Sequence[str]) -> None:
        """Be subscribed to these everywhere."""
        for source in self.links:
            source.follow(filters)

    def replay(self, topic_filter: str) -> None:
        """Have the retained messages of a filter delivered once more."""
        for source in self.links:
            source.replay(topic_filter)

    async def _watch(self, source: MqttSource) -> None:
        while True:
            await source.connected.wait()
            self.lost.clear()
            self.connected.set()
            await source.lost.wait()
            if not any(one.connected.is_set() for one in self.links):
                self.connected.clear()
                self.lost.set()


def _tagged(source: MqttSource, deliver: Callable[[Delivery], None], delivery: Delivery) -> None:
    if delivery.tag is not None:
        delivery.tag = source, delivery.tag
    deliver(delivery)
