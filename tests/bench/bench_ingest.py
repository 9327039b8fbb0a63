"""Messages from the broker to committed rows, through a whole hub in this process.

The load comes from another process; the hub is one process and so one core.
`ingest.messages_per_s`: plain readings, QoS 1, a backlog that the broker has in its queue.
`ingest.batched_readings_per_s`: the same in `$batch`es of 20 readings.
`ingest.commit_p50_ms`, `ingest.commit_p99_ms`: from a publisher's write to the commit, at 1,000
messages a second.
"""

from __future__ import annotations

import asyncio
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles

from contracts.reading import Reading
from hub.app import Hub
from hub.settings import load
from tests.bench.load import since
from tests.bench.report import note, report

MESSAGES = 30_000
BATCHES = 2_000  # 40,000 readings: of 50,000 that wait, batches are left to be sent again
BATCH = 20
PACED = 10_000  # messages, at 1,000 a second


class _Commits:
    """Counts what is committed and keeps each reading's delay."""

    def __init__(self) -> None:
        self.count = 0
        self.delays: list[float] = []
        self.last = 0.0

    def __call__(self, readings: Sequence[Reading]) -> None:
        self.count += len(readings)
        self.last = time.monotonic()
        self.delays += [since(float(reading.value)) for reading in readings]


async def _measure(
    hub: Hub, device: str, count: int, rate: int, size: int
) -> tuple[_Commits, float]:
    """Send a load; what was committed, and the seconds from its start to the last commit.

    Without a rate the broker has all of it before the hub listens.
    """
    commits = _Commits()
    hub.parts.mqtt.ingest.of(hub.settings.tenant)._on_commit = commits
    sender = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.load",
        *map(str, (hub.facts["mqtt_port"], hub.facts["enrol_port"], device, count, rate, size)),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert sender.stdin is not None
    assert sender.stdout is not None
    await sender.stdout.readline()
    if not rate:
        await hub.parts.mqtt.listener.stop()
        sender.stdin.write(b"go\n")
        await sender.wait()
    began = time.monotonic()
    used = resource.getrusage(resource.RUSAGE_SELF)
    if rate:
        sender.stdin.write(b"go\n")
    else:
        await hub.parts.mqtt.listener.start()
    wanted = count * (size or 1)
    async with asyncio.timeout(300):
        while commits.count < wanted:
            await asyncio.sleep(0.02)
    await sender.wait()
    now = resource.getrusage(resource.RUSAGE_SELF)
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    note(f"{device}: {1e6 * cpu / count:.0f} us of the hub's CPU a message")
    return commits, commits.last - began


async def run() -> None:
    """Run all four."""
    folder = Path(tempfile.mkdtemp(prefix="dm", dir="/tmp"))
    folder.chmod(0o755)
    names = ("http_port", "mqtt_port", "mqtts_port", "enrol_port", "hap_port")
    ports = dict.fromkeys(names, "0")
    try:
        async with Hub(load(data_dir=folder / "data", host="127.0.0.1", **ports)) as hub:
            _, took = await _measure(hub, "plain", MESSAGES, 0, 0)
            report("ingest.messages_per_s", MESSAGES / took, "1/s", ">= 10000")
            _, took = await _measure(hub, "batched", BATCHES, 0, BATCH)
            report("ingest.batched_readings_per_s", BATCHES * BATCH / took, "1/s", ">= 10000")
            commits, _ = await _measure(hub, "paced", PACED, 1000, 0)
            cuts = quantiles(commits.delays, n=100)
            report("ingest.commit_p50_ms", 1000 * cuts[49], "ms", "<= 20")
            report("ingest.commit_p99_ms", 1000 * cuts[98], "ms", "<= 60")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
