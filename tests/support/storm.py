"""Many devices that follow the `$ack` protocol while parts of the hub are killed under them.

The model does what firmware/dormouse/wake.py does with its pending readings: new ones go out once,
what `$ack` names is forgotten, what stays unacknowledged is sent again (at the 1st, 2nd, 4th and
every 8th wake), and when memory is full one of the older half is thinned out and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import secrets
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.mqtt311 import Client

LIGHT = "LightSensor/CurrentAmbientLightLevel"  # to 100000: a reading's value is its number


@dataclass
class Device:
    name: str
    port: int
    rng: random.Random
    capacity: int = 30
    password: str = field(default_factory=lambda: secrets.token_hex(16))
    boot: str = field(default_factory=lambda: secrets.token_hex(4))
    seq: int = 0
    sent: int = 0
    stuck: int = 0
    pending: list[tuple[int, float]] = field(default_factory=list)
    thinned: set[int] = field(default_factory=set)
    taken_at: dict[int, float] = field(default_factory=dict)
    failed_wakes: int = 0
    born: float = field(default_factory=time.monotonic)

    def take(self) -> None:
        """Measure: one more reading, and room for it."""
        self.seq += 1
        self.taken_at[self.seq] = time.time()
        self.pending.append((self.seq, time.monotonic()))
        if len(self.pending) > self.capacity:
            victim = self.rng.randrange(1, len(self.pending) // 2)
            self.thinned.add(self.pending.pop(victim)[0])

    async def wake(self, *, measure: bool = True) -> None:
        """One wake, over within its deadline whatever the other side does."""
        if measure:
            self.take()
        try:
            async with asyncio.timeout(3):
                await self._talk()
        except (OSError, EOFError, TimeoutError):
            self.failed_wakes += 1

    async def _talk(self) -> None:
        client = await Client.connect("127.0.0.1", self.port, self.name, self.name, self.password)
        try:
            if client.code != 0:
                raise ConnectionError("refused")
            await client.subscribe(f"HomeKit/{self.name}/$ack")
            await self._send(client, self.sent)
            before, self.sent = self.sent, self.seq
            self._forget(client)
            waiting = any(seq <= before for seq, _ in self.pending)
            self.stuck = self.stuck + 1 if waiting else 0
            if waiting and (self.stuck in {1, 2, 4} or self.stuck % 8 == 0):
                await self._send(client, 0)
        finally:
            await client.close()

    async def _send(self, client: Client, after: int) -> None:
        now = time.monotonic()
        readings = [[s, round(now - at, 3), LIGHT, s] for s, at in self.pending if s > after]
        payload = {
            "boot": self.boot,
            "up": now - self.born,
            "lost": len(self.thinned),
            "after": after,
            "readings": readings,
        }
        await client.publish(f"HomeKit/{self.name}/$batch", json.dumps(payload))

    def _forget(self, client: Client) -> None:
        for _, payload, _ in client.got:
            ack = json.loads(payload)
            if ack["boot"] == self.boot and ack["seq"] <= self.seq:
                kept = [one for one in self.pending if one[0] > ack["seq"]]
                if len(kept) < len(self.pending):
                    self.stuck = 0
                self.pending = kept


class Storm:
    """Devices that wake every `interval` seconds against a hub whose parts get killed."""

    def __init__(self, hub, devices: int, interval: float, seed: int) -> None:
        self.hub = hub
        self.rng = random.Random(seed)
        self.interval = interval
        port = hub.facts["mqtt_port"]
        self.devices = [
            # Half of them have too little memory for the outages to come.
            Device(f"storm{n:04}", port, random.Random(seed + n), capacity=(6, 40)[n % 2])
            for n in range(devices)
        ]
        self.kills = {"broker": 0, "hub": 0, "postgres": 0}
        self.longest_outage = 0.0
        self._raining = True
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Give all an account, then let them wake."""
        async with self.hub.operator() as operator:
            for some in (self.devices[n : n + 50] for n in range(0, len(self.devices), 50)):
                answers = await asyncio.gather(
                    *(
                        operator.post(f"/accounts/{d.name}", json={"password": d.password})
                        for d in some
                    )
                )
                assert {answer.status_code for answer in answers} == {201}
        self._tasks = [asyncio.create_task(self._live(device)) for device in self.devices]

    async def kill(self, what: str) -> None:
        """SIGKILL a part; the hub is started again, the others the hub starts itself.

        The hub stays away until some device had to thin out what it holds.
        """
        if what == "hub":
            self.kills[what] += 1
            thinned, began = self._thinned(), time.monotonic()
            await self.hub.kill()
            while self._thinned() == thinned:
                await asyncio.sleep(0.05)
            await asyncio.sleep(self.rng.uniform(0, 1))
            await self.hub.start()
            self.longest_outage = max(self.longest_outage, time.monotonic() - began)
            return
        pid = child(self.hub.process.pid, {"broker": "mosquitto", "postgres": "postgres"}[what])
        if pid is not None:
            self.kills[what] += 1
            os.kill(pid, signal.SIGKILL)

    def _thinned(self) -> int:
        return sum(len(device.thinned) for device in self.devices)

    async def stop(self) -> None:
        """No more readings; wakes go on until every device has forgotten all it held."""
        self._raining = False
        await asyncio.gather(*self._tasks)

    async def _live(self, device: Device) -> None:
        await asyncio.sleep(device.rng.uniform(0, self.interval))
        while self._raining:
            await device.wake()
            await asyncio.sleep(self.interval * device.rng.uniform(0.5, 1.5))
        while device.pending:
            await device.wake(measure=False)
            await asyncio.sleep(self.interval * device.rng.uniform(0.5, 1.5))


def child(parent: int, name: str) -> int | None:
    """The first child of a process with that name (the devices' mosquitto starts first)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            stat = (entry / "stat").read_text()
            comm = stat[stat.index("(") + 1 : stat.rindex(")")]
            if comm == name and int(stat.rpartition(")")[2].split()[1]) == parent:
                command = (entry / "cmdline").read_text()
                if name != "mosquitto" or "devices.conf" in command:
                    found.append(int(entry.name))
    return min(found, default=None)
