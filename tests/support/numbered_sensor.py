"""A device that sends numbered readings until they are acknowledged, as our firmware does."""

from __future__ import annotations

import asyncio
import json

from tests.support.mqtt311 import Client

__all__ = ["NAME", "NumberedSensor"]

NAME = "TemperatureSensor/CurrentTemperature"


class NumberedSensor:
    """Sends what is not acknowledged every 100 ms, 50 readings at most, and one more each time.

    A reading's value is a tenth of its number.
    """

    def __init__(self, client: Client, device: str) -> None:
        self.client, self.device, self.made = client, device, 0
        self._acknowledged = 0

    @property
    def acknowledged(self) -> int:
        said = [json.loads(one) for topic, one, _ in self.client.got if topic.endswith("$ack")]
        self._acknowledged = max((one["seq"] for one in said), default=self._acknowledged)
        return self._acknowledged

    async def go_on(self) -> None:
        while True:
            self.made += 1
            await self.send()
            await asyncio.sleep(0.1)

    async def send(self) -> None:
        """What is not acknowledged, by what this connection was told."""
        first = self.acknowledged + 1
        numbers = range(first, min(first + 50, self.made + 1))
        readings = [[n, (self.made - n) / 10, NAME, n / 10] for n in numbers]
        said = {"boot": "0011aabb", "up": self.made / 10, "lost": 0, "readings": readings}
        await self.client.publish(f"HomeKit/{self.device}/$batch", json.dumps(said))
