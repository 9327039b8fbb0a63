"""Acknowledgements to many devices at once."""

from __future__ import annotations

import asyncio

from contracts.batch import Batch
from hub.mqtt.acks import Acks
from tests.support.broker import until


class Slow:
    """A broker that confirms nothing until it is told to."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.confirmed = asyncio.Event()

    async def publish(self, topic, payload, *, qos=1, retain=False):
        self.sent.append(topic)
        await self.confirmed.wait()


def said(device: str, after: int, last: int) -> Batch:
    return Batch(device, "9f3a61c2", 0.0, 0, after, last, (), ())


async def test_two_thousand_devices_do_not_wait_for_one_another():
    """All of a building's are sent though the broker has confirmed none; memory is bounded."""
    source, asked = Slow(), []

    async def held(device, boot):
        asked.append(device)
        return []

    acks = Acks(source, held)
    await acks.start()
    for n in range(2500):
        acks.committed(said(f"dev{n}", 0, 2))
    await until(lambda: len(source.sent) >= 1000)
    await asyncio.sleep(0)
    assert len(source.sent) == 1000
    source.confirmed.set()
    await until(lambda: len(source.sent) == 2500)
    # Each of them said all that it has: there is nothing to ask the database.
    assert asked == []
    acks.committed(said("another", 3, 5))
    await until(lambda: asked == ["another"])
    await acks.stop()
