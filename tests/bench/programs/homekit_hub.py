"""A bridge set in a process of its own, for bench_homekit.

`python -m tests.bench.programs.homekit_hub COUNT [MQTT_URL]`: COUNT accessories, known and shown
before the clock starts; with MQTT_URL fed by a broker through the real listener. Says one JSON
object a line: at start `{"port", "pin", "start_s", "rss_mb"}`; for each line `flood N` on standard
input, N updates made as fast as they go, `{"seconds", "last"}` with each device's last value.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contracts.reading import Reading, SeriesKey
from hub.homekit.bridge import Bridge
from hub.homekit.state import Saved, StateChange

# What a device of ours has: two sensors, a battery.
SERIES = [
    ("MotionSensor", "MotionDetected", False),
    ("TemperatureSensor", "CurrentTemperature", 20.0),
    ("BatteryService", "BatteryLevel", 80),
]


class State:
    """Kept in memory, so that the second start finds what the first left."""

    def __init__(self) -> None:
        self.saved = Saved()

    async def load(self) -> Saved:
        return self.saved

    async def save(self, change: StateChange) -> None:
        bridges = {record.number: record for record in self.saved.bridges}
        bridges |= {record.number: record for record in change.bridges}
        accessories = {record.device: record for record in self.saved.accessories}
        accessories |= {record.device: record for record in change.accessories}
        presence = {record.device: record for record in self.saved.presence}
        presence |= {record.device: record for record in change.presence}
        self.saved.bridges = list(bridges.values())
        self.saved.accessories = list(accessories.values())
        self.saved.presence = list(presence.values())
        self.saved.values |= change.values


class Nothing:
    """Takes readings as the store would, and counts no problems."""

    def put(self, _readings: Sequence[Reading], done: Callable[[], None]) -> None:
        done()


async def nowhere(_key: SeriesKey, _text: str) -> None:
    """There are no devices."""


def say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def rss_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def update(bridge: Bridge, device: int, which: int, value: Any) -> None:
    service, characteristic, _ = SERIES[which]
    key = SeriesKey(f"dev_{device}", service, 0, characteristic)
    bridge.update(Reading(key, value, datetime.now(UTC)), live=True)


async def known(count: int) -> State:
    """The state after `count` devices have joined."""
    state = State()
    bridge = Bridge(state, nowhere, host="127.0.0.1", port=0, settle=0.01)
    await bridge.start()
    for device in range(count):
        for which, (_, _, value) in enumerate(SERIES):
            update(bridge, device, which, value)
    while bridge.growth.busy:  # there is no event for it
        await asyncio.sleep(0.01)
    await bridge.stop()
    return state


async def flood(bridge: Bridge, count: int, updates: int) -> None:
    """Round and round all devices' temperatures, yielding to the loop as a socket would."""
    last = {}
    began = time.perf_counter()
    for n in range(updates):
        device, value = n % count, (n * 7 % 1000) / 10
        update(bridge, device, 1, value)
        last[f"dev_{device}"] = value
        if n % 50 == 0:
            await asyncio.sleep(0)
    say(seconds=time.perf_counter() - began, last=last)


async def main(count: int, url: str | None) -> None:
    state = await known(count)
    began = time.perf_counter()
    bridge = Bridge(state, nowhere, host="127.0.0.1", port=0)
    await bridge.start()
    seconds = time.perf_counter() - began
    stop = await listen(bridge, url) if url else None
    [info, *_] = bridge.pairings()
    say(port=info.port, pin=info.pin, start_s=seconds, rss_mb=rss_mb())
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        await flood(bridge, count, int(line.split()[1]))
    if stop is not None:
        await stop()
    await bridge.stop()


async def listen(bridge: Bridge, url: str) -> Callable[[], Any]:
    """The real listener on a real broker; what ends it."""
    # Not for the bridge alone, whose memory is measured.
    from hub.mqtt.endpoint import Endpoint  # noqa: PLC0415
    from hub.mqtt.listener import Listener  # noqa: PLC0415
    from hub.mqtt.source import MqttSource  # noqa: PLC0415
    from hub.runtime.problems import Problems  # noqa: PLC0415

    source = MqttSource(Endpoint.of(url), ["HomeKit/#"], client_id="hub", session_s=0)
    listener = Listener(source, bridge, Nothing(), Problems())
    await listener.start()
    await source.connected.wait()
    return listener.stop


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
