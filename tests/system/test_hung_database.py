"""Postgres hangs while a device sends full batches as fast as the broker takes them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from pathlib import Path

from tests.support.hub import HubProcess, rows, until
from tests.support.mqtt311 import Client

SECONDS = float(os.environ.get("HUNG_S", "15"))
MOST_MB = 200
DEVICE = "esp8266_f100d000"
NAME = "TemperatureSensor/CurrentTemperature"


def rss(pid: int) -> int:
    """Resident memory in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) // 1024


def batch(first: int) -> tuple[str, int]:
    """A message just below 16 KiB, and the number after its last reading."""
    readings, size = [], 100
    while size < 16_000:
        readings.append([first, 1.5, NAME, 20 + first % 10])
        first += 1
        size += len(json.dumps(readings[-1])) + 2
    said = {"boot": "0011aabb", "up": 1000, "lost": 0, "readings": readings}
    return json.dumps(said), first


def servers(hub: HubProcess) -> list[int]:
    """The postmaster and its backends."""
    data = (hub.data_dir / "postgres" / "cluster" / "data").resolve()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == data:
                found.append(int(process.name))
        except OSError:
            continue
    return found


async def test_memory_stays_bounded(server_folder: Path, tmp_path: Path):
    hub = HubProcess(server_folder / tmp_path.name, forked=False)
    await hub.start()
    password = (await hub.ask("POST", f"/accounts/{DEVICE}", json={}))["password"]
    hung = servers(hub)
    most = rss(hub.process.pid)
    sent, seq = 0, 1

    async with await Client.connect(
        "127.0.0.1", hub.facts["mqtt_port"], DEVICE, DEVICE, password
    ) as device:
        for pid in hung:
            os.kill(pid, signal.SIGSTOP)
        try:
            report = {"firmware": "1.2.3", "boot": "0011aabb", "up": 1000, "battery_mv": 2871}
            await device.publish(f"HomeKit/{DEVICE}/$report", json.dumps(report))
            end = asyncio.get_running_loop().time() + SECONDS
            while asyncio.get_running_loop().time() < end:
                payload, seq = batch(seq)
                await device.publish(f"HomeKit/{DEVICE}/$batch", payload)
                sent += 1
                if not sent % 50:
                    most = max(most, rss(hub.process.pid))
        finally:
            for pid in hung:
                os.kill(pid, signal.SIGCONT)

    async def some_stored() -> bool:
        nonlocal most
        most = max(most, rss(hub.process.pid))
        return bool((await rows(hub, "SELECT count(*) FROM dormouse.reading"))[0][0] >= 20_000)

    await until(some_stored, limit_s=300, every_s=0.5)
    print(f"{sent} messages, at most {most} MB")

    async def reported() -> bool:
        found = await rows(hub, "SELECT report ->> 'battery_mv' FROM dormouse.device_state")
        return found == [("2871",)]

    await until(reported)
    assert sent > 200
    assert most <= MOST_MB
    await hub.stop(limit_s=120)
