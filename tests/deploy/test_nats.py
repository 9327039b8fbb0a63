"""Three NATS servers in place of a broker, of which the one dies that a device is connected to.

`make soak` kills five times (NODE_KILLS=5), and prints how long each took.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import subprocess
import time
from collections.abc import Awaitable
from pathlib import Path

import pytest

from tests.support.hub import HubProcess, rows, until
from tests.support.mqtt311 import Client
from tests.support.nats_cluster import PASSWORD, NatsNode, NatsNodes, nats_nodes
from tests.support.numbered_sensor import NumberedSensor

KILLS = int(os.environ.get("NODE_KILLS", "1"))
DEVICE = "esp8266_f100d000"


class Roaming:
    """A device that goes on at the next server when its own is gone, or does not answer in 5 s.

    It connects as our firmware does: a clean session, and QoS 0 for what is retained.
    """

    ANSWERS_S = 5

    def __init__(self, nodes: NatsNodes) -> None:
        self.nodes, self.at = nodes, nodes.nodes[0]
        self.sensor = NumberedSensor(None, DEVICE)
        self.clients: list[Client] = []
        self.tried: list[str] = []
        """Which servers it left since the last kill, after how long and why."""

    async def go_on(self) -> None:
        for node in itertools.cycle(self.nodes.nodes):
            began = time.monotonic()
            try:
                await self._send_by(node)
            except (OSError, TimeoutError, EOFError) as error:
                took = time.monotonic() - began
                self.tried.append(f"{node.name} after {took:.1f} s: {error!r}")
            await asyncio.sleep(0.2)

    async def _send_by(self, node: NatsNode) -> None:
        """Until that server fails us."""
        async with asyncio.timeout(self.ANSWERS_S):
            client = await Client.connect("127.0.0.1", node.ports["mqtt"], DEVICE, DEVICE, PASSWORD)
            self.clients.append(client)
            # While the servers elect, some are refused (no CONNACK, or 0x80 to SUBSCRIBE).
            if client.code != 0 or await client.subscribe(f"HomeKit/{DEVICE}/$ack", 0) > 2:
                raise ConnectionError(f"refused: {client.code}")
        self.at, self.sensor.client = node, client
        while True:
            self.sensor.made += 1
            async with asyncio.timeout(self.ANSWERS_S):
                await self.sensor.send()
            await asyncio.sleep(0.1)


async def since(began: float, ends: Awaitable[None]) -> float:
    """How long (s) it took until something has ended."""
    await ends
    return time.monotonic() - began


@pytest.mark.timeout(240 + 120 * KILLS)
async def test_what_was_acknowledged_is_stored_once_whichever_server_dies(
    short_tmp: Path, empty_hub: Path
):
    await asyncio.to_thread(subprocess.run, ["cp", "-a", empty_hub, short_tmp / "data"], check=True)
    async with nats_nodes(short_tmp / "nats", 3, [DEVICE]) as nodes:
        hub = HubProcess(short_tmp / "data", NATS_URL=nodes.url, NATS_GATEWAY=nodes.gateway)
        await hub.start()
        device = Roaming(nodes)
        try:
            sensor = device.sensor
            sending = asyncio.create_task(device.go_on())

            async def goes_on(beyond: int) -> bool:
                if sending.done():
                    await sending
                return sensor.client is not None and sensor.acknowledged > beyond

            await until(lambda: goes_on(0), limit_s=120)
            for number in range(KILLS):
                began, former = time.monotonic(), device.at
                await nodes.kill(former)
                before = sensor.made
                led = asyncio.create_task(since(began, nodes.led(former)))
                await until(lambda: goes_on(before), limit_s=120)  # noqa: B023  # awaited at once
                silent = time.monotonic() - began
                print(
                    f'{{"kill": {number + 1}, "silent_s": {silent:.1f}, '
                    f'"election_s": {await led:.1f}}}'
                )
                device.tried.clear()
                await nodes.start(former)
                await nodes.ready()
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending
            last = sensor.acknowledged
            found = await rows(hub, "SELECT value FROM dormouse.reading ORDER BY value")
            values = [round(value * 10) for (value,) in found]
            assert len(values) == len(set(values))
            assert set(range(1, last + 1)) <= set(values)
            print(f'{{"acknowledged": {last}, "stored": {len(values)}, "lost": 0, "twice": 0}}')
        finally:
            print(*device.tried, sep="\n")
            for client in device.clients:
                await client.close()
            assert await hub.stop() == 0
