"""A load of messages from a process of its own, so that the hub keeps its core to itself.

`python -m tests.bench.load PORT ENROL_PORT DEVICE COUNT RATE SIZE`: a device enrols, then sends
COUNT messages, RATE a second (0: as fast as they go). SIZE 0 sends plain readings whose value is
the clock (CLOCK_MONOTONIC in seconds, modulo 100, to the millisecond), which a receiver on the
same machine compares with its own; SIZE n sends `$batch`es of n readings.
"""

from __future__ import annotations

import asyncio
import sys
import time

from tests.support.publisher import Publisher

TOPIC = "TemperatureSensor/CurrentTemperature"
CYCLE = 100.0  # within a thermometer's range, longer than any delay that is measured


def clock() -> float:
    """Seconds, modulo CYCLE, to the millisecond."""
    return round(time.monotonic() % CYCLE, 3)


def since(sent: float) -> float:
    """Seconds from `clock()` at the sender until now."""
    return (clock() - sent) % CYCLE


async def _send(publisher: Publisher, size: int) -> None:
    if size:
        await publisher.batch(size, TOPIC, lambda seq: seq % 50)
        return
    publisher.seq += 1
    topic = f"HomeKit/{publisher.device}/{TOPIC}"
    await publisher.send(topic, f"{clock()}".encode(), tag=publisher.seq)


async def main(port: int, enrol_port: int, device: str, count: int, rate: int, size: int) -> None:
    publisher = Publisher(device, port, enrol_port)
    await publisher.enrol()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    began = time.monotonic()
    for number in range(count):
        await _send(publisher, size)
        if rate:
            await publisher.drain(outstanding=100)
            await asyncio.sleep(max(0.0, began + (number + 1) / rate - time.monotonic()))
        elif number % 64 == 0:
            await publisher.drain(outstanding=1000)
    await publisher.drain()
    await publisher.close()


if __name__ == "__main__":
    _, port, enrol_port, device, count, rate, size = sys.argv
    asyncio.run(main(int(port), int(enrol_port), device, int(count), int(rate), int(size)))
