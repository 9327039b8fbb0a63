"""The HomeKit bridge: how long a message takes to a controller, what it bears, what it takes.

`homekit.event_*`: from an MQTT publish (QoS 0, real mosquitto) to the event in a paired controller,
for motion; the publisher and the controller share this process, the bridge has its own.
`homekit.batch_*`: the same from the publish of a `$batch` (QoS 1) of three readings.
`homekit.updates`: value updates the bridge takes a second with a controller subscribed to all.
`homekit.start_s`, `homekit.rss_mb`: with 149 accessories of three services, without MQTT.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from hub.mqtt.accounts import AccountBook
from hub.mqtt.endpoint import Endpoint
from hub.mqtt.source import MqttSource
from tests.bench.report import note, report
from tests.support.broker import MemoryAccounts, open_folder, running_broker
from tests.support.controller import PATIENCE, Phone, value_in

MESSAGES = 400
UPDATES = 100_000
PASSWORD = "0123456789abcdef0123456789abcdef"
PROGRAM = "tests.bench.programs.homekit_hub"


@asynccontextmanager
async def bridge(count: int, url: str = "") -> AsyncIterator[tuple[Process, dict[str, Any]]]:
    """A bridge with so many accessories, and what it says of itself."""
    argv = [sys.executable, "-m", PROGRAM, str(count), *([url] if url else [])]
    process = await asyncio.create_subprocess_exec(*argv, stdin=PIPE, stdout=PIPE, limit=2**24)
    try:
        yield process, await said(process)
        process.stdin.close()
        await asyncio.wait_for(process.wait(), PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def said(process: Process) -> dict[str, Any]:
    """The next line."""
    return json.loads(await asyncio.wait_for(process.stdout.readline(), 60))


async def latencies(count: int, *, batched: bool = False) -> list[float]:
    """Milliseconds from publish to event, one message at a time, over `count` accessories."""
    book = AccountBook(MemoryAccounts())
    talking = sorted({0, count // 3, 2 * count // 3, count - 1})
    for device in talking:
        await book.provision(f"dev_{device}", "home", PASSWORD)
    with open_folder() as folder:
        async with running_broker(book, folder) as broker:
            hub = broker.endpoint
            url = f"mqtt://{hub.user}:{hub.password}@{hub.host}:{hub.port}"
            async with bridge(count, url) as (_, facts):
                return await measured(facts, hub, talking, batched=batched)


async def measured(
    facts: dict[str, Any], hub: Endpoint, talking: list[int], *, batched: bool
) -> list[float]:
    """A few devices with connections of their own publish by turns; everything is subscribed."""
    async with AsyncExitStack() as stack:
        phone = await stack.enter_async_context(
            await Phone.pair("127.0.0.1", facts["port"], facts["pin"])
        )
        where = await places(phone, "bool")
        await phone.subscribe(*where.values())
        sources = [await stack.enter_async_context(device(hub, f"dev_{n}")) for n in talking]
        times = []
        for n in range(MESSAGES):
            name, source = sources[n % len(sources)]
            payload = "1" if (n // len(sources)) % 2 == 0 else "0"
            topic, text, qos = message(name, n, payload, batched=batched)
            began = time.perf_counter()
            # What confirms it is no part of what a controller waits for.
            published = asyncio.ensure_future(source.publish(topic, text, qos=qos))
            told = await phone.event(where[name])
            times.append((time.perf_counter() - began) * 1000)
            await published
            if told != (payload == "1"):
                raise ValueError(f"message {n} said {payload}, the event {told}")
        await phone.unpair()
    return times


def message(name: str, n: int, payload: str, *, batched: bool) -> tuple[str, str, int]:
    """Topic, payload and QoS of a device's motion, alone or with what else it measured."""
    if not batched:
        return f"HomeKit/{name}/MotionSensor/MotionDetected", payload, 0
    readings = [
        [3 * n + 1, 0, "TemperatureSensor/CurrentTemperature", 20 + n % 7 / 10],
        [3 * n + 2, 0, "BatteryService/BatteryLevel", 50 + n % 5],
        [3 * n + 3, 0, "MotionSensor/MotionDetected", payload == "1"],
    ]
    batch = {"boot": "9f3a61c2", "up": 5000 + n, "lost": 0, "readings": readings}
    return f"HomeKit/{name}/$batch", json.dumps(batch), 1


@asynccontextmanager
async def device(hub: Endpoint, name: str) -> AsyncIterator[tuple[str, MqttSource]]:
    """A connected device."""
    endpoint = Endpoint(hub.host, hub.port, name, PASSWORD)
    source = MqttSource(endpoint, [f"HomeKit/{name}/$config"], client_id=name, session_s=0)
    await source.start(lambda _: None)
    await asyncio.wait_for(source.connected.wait(), PATIENCE)
    yield name, source
    await source.stop()


async def places(phone: Phone, form: str) -> dict[str, tuple[int, int]]:
    """Where each device has its first characteristic of a format that sends events."""
    found: dict[str, tuple[int, int]] = {}
    for accessory in (await phone.tree())[1:]:
        name = value_in(accessory, "AccessoryInformation", "SerialNumber")
        for service in accessory["services"]:
            for char in service["characteristics"]:
                if char["format"] == form and "ev" in char["perms"]:
                    found.setdefault(name, (accessory["aid"], char["iid"]))
    return found


async def flooded(count: int) -> tuple[float, int]:
    """Updates a second, and how many last values a subscribed controller did not get."""
    async with AsyncExitStack() as stack:
        process, facts = await stack.enter_async_context(bridge(count))
        pairing = await Phone.pair("127.0.0.1", facts["port"], facts["pin"])
        phone = await stack.enter_async_context(pairing)
        where = await places(phone, "float")
        await phone.subscribe(*where.values())
        process.stdin.write(f"flood {UPDATES}\n".encode())
        answer = await said(process)
        seen: dict[tuple[int, int], Any] = {}
        deadline = time.monotonic() + 3  # six times HAP-python's gathering of slow values
        while time.monotonic() < deadline:
            while not phone.events.empty():
                place, value = phone.events.get_nowait()
                seen[place] = value
            if all(seen.get(where[d]) == v for d, v in answer["last"].items()):
                break
            await asyncio.sleep(0.02)
        told = {d: seen.get(where[d]) for d in answer["last"]}
        read = await phone.pairing.get_characteristics(list(where.values()))
        lost = sum(told[d] != v or read[where[d]]["value"] != v for d, v in answer["last"].items())
    return UPDATES / answer["seconds"], lost


def percentile(times: list[float], share: float) -> float:
    """By the nearest rank."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def run() -> None:
    """Measure everything."""
    for count in (1, 100):
        times = await latencies(count)
        note(f"mean {statistics.mean(times):.2f} ms over {len(times)} messages")
        report(f"homekit.event_p50_{count}", percentile(times, 0.5), "ms", "<= 3")
        report(f"homekit.event_p99_{count}", percentile(times, 0.99), "ms", "<= 10")
    times = await latencies(100, batched=True)
    report("homekit.batch_p50", percentile(times, 0.5), "ms", "<= 5")
    report("homekit.batch_p99", percentile(times, 0.99), "ms", "<= 20")
    rate, lost = await flooded(149)
    report("homekit.updates", rate, "1/s", ">= 10000")
    report("homekit.updates_lost", lost, "last values", "== 0")
    async with bridge(149) as (_, facts):
        report("homekit.start_s", facts["start_s"], "s", "<= 1")
        report("homekit.rss_mb", facts["rss_mb"], "MB", "<= 60")
