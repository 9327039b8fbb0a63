"""What a hub with 100 accessories takes, and how long it needs to start.

`hub.rss_mb`: resident memory of the hub's process (Postgres and the broker are others).
`hub.start_s`: from the command to hub.json, with 100 accessories known and the database there.
`hub.stop_s`: from Ctrl-C to the end of the last process.
`hub.idle_percent`: of one core, while nothing comes from its 100 devices: hub, Postgres and both
brokers together, by the kernel's count of processor time (so other load matters little).
`hub.idle_own_percent`: the hub's process alone.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from pathlib import Path

from tests.bench.processor import cpu_s, family
from tests.bench.report import note, report
from tests.support.hub import HubProcess, until
from tests.support.publisher import Publisher

DEVICES = 100
VALUES = {
    "TemperatureSensor/CurrentTemperature": "20.5",
    "HumiditySensor/CurrentRelativeHumidity": "45",
    "BatteryService/BatteryLevel": "80",
}
# s: what a start leaves to be done is done by then; long enough for what happens every 15 s.
SETTLED_S, IDLE_S = 40.0, 90.0


async def _fill(hub: HubProcess) -> None:
    for number in range(DEVICES):
        publisher = Publisher(f"sensor_{number}", hub.facts["mqtt_port"], hub.facts["enrol_port"])
        await publisher.enrol()
        for name, value in VALUES.items():
            topic = f"HomeKit/{publisher.device}/{name}"
            await publisher.send(topic, value.encode(), tag=1)
        await publisher.drain()
        await publisher.close()

    async def complete() -> bool:
        devices = (await hub.status())["devices"]
        return sum(len(device["values"]) for device in devices) == DEVICES * len(VALUES)

    await until(complete, limit_s=60)


def _rss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(pid)


async def _measure_idle(pid: int) -> None:
    await asyncio.sleep(SETTLED_S)
    before = {one: cpu_s(one) for one in family(pid)}
    began = time.monotonic()
    await asyncio.sleep(IDLE_S)
    spent = {one: cpu_s(one) - before.get(one, 0) for one in family(pid)}
    share = 100 / (time.monotonic() - began)
    report("hub.idle_percent", sum(spent.values()) * share, "%", "<= 0.2")
    report("hub.idle_own_percent", spent[pid] * share, "%", "<= 0.15")


async def run() -> None:
    """Fill a hub, measure it, restart it, measure again."""
    folder = Path(tempfile.mkdtemp(prefix="dm", dir="/tmp"))
    folder.chmod(0o755)
    hub = HubProcess(folder / "data", forked=False)
    try:
        await hub.start()
        await _fill(hub)
        assert hub.process is not None
        report("hub.rss_mb", _rss_mb(hub.process.pid), "MB", "<= 120")
        began = time.monotonic()
        await hub.stop()
        report("hub.stop_s", time.monotonic() - began, "s", "<= 5")
        began = time.monotonic()
        await hub.start()
        report("hub.start_s", time.monotonic() - began, "s", "<= 15")
        note("after the restart")
        report("hub.rss_restarted_mb", _rss_mb(hub.process.pid), "MB", "<= 120")
        await _measure_idle(hub.process.pid)
    finally:
        if hub.process is not None and hub.process.returncode is None:
            await hub.stop()
        shutil.rmtree(folder, ignore_errors=True)
