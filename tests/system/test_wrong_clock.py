"""A hub on a machine whose clock is wrong at its start and set later, as a Raspberry Pi's is.

The whole hub, Postgres and the broker run by libfaketime's wall clock; the boot clock is the
machine's own. What is stored is compared with the clock of the test.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.hub import HubProcess, rows, until
from tests.support.mqtt311 import Client

YEARS_S = 365 * 86400


def library() -> str:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    assert found, "libfaketime is not installed: sh .ci/packages tests"
    return str(found[0])


class WallClock:
    """The wall clock of what is started with its environment, off by what `set` was told."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"

    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": library(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, off_s: int) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{off_s:+d}")
        fresh.chmod(0o644)
        fresh.replace(self._file)


class Sensor:
    """A device that sends a numbered reading with its own clock, and knows when."""

    def __init__(self, hub: HubProcess, name: str) -> None:
        self.hub, self.name, self.seq = hub, name, 0
        self.born = time.monotonic()
        self.true: dict[int, float] = {}

    async def join(self) -> None:
        async with self.hub.operator() as operator:
            answer = await operator.post(f"/accounts/{self.name}", json={"password": "p" * 20})
            answer.raise_for_status()

    async def measure(self) -> None:
        """One more reading, taken 2 s before it is sent."""
        self.seq += 1
        self.true[self.seq] = time.time() - 2
        batch = {
            "boot": "0badcafe",
            "up": round(time.monotonic() - self.born + 100, 3),
            "lost": 0,
            "after": self.seq - 1,
            "readings": [[self.seq, 2, "TemperatureSensor/CurrentTemperature", self.seq]],
        }
        report = {"boot": "0badcafe", "up": batch["up"], "seq": self.seq, "next_wake_s": 300}
        port = self.hub.facts["mqtt_port"]
        async with await Client.connect(
            "127.0.0.1", port, self.name, self.name, "p" * 20
        ) as client:
            await client.publish(f"HomeKit/{self.name}/$batch", json.dumps(batch))
            await client.publish(f"HomeKit/{self.name}/$report", json.dumps(report))

    async def taken(self) -> bool:
        """Whether the hub has the last one, wherever it has put it."""
        found = await rows(
            self.hub,
            """SELECT 1 FROM dormouse.delivery v JOIN dormouse.device d ON d.id = v.device_id
               WHERE d.key = %s AND %s::int <@ v.seqs""",
            self.name,
            self.seq,
        )
        return bool(found)

    async def largest_error(self) -> float | None:
        """Of any reading's time, s; None while one is missing."""
        found = await rows(
            self.hub,
            """SELECT r.value::int, extract(epoch FROM r.at)::float8
               FROM dormouse.reading r JOIN dormouse.series s ON s.id = r.series_id
               JOIN dormouse.device d ON d.id = s.device_id WHERE d.key = %s""",
            self.name,
        )
        if len(found) < self.seq:
            return None
        return max(abs(at - self.true[number]) for number, at in found)

    async def right(self) -> bool:
        error = await self.largest_error()
        return error is not None and error < 5


@pytest.mark.parametrize("off_s", [-50 * YEARS_S, -3 * 3600, 2 * 86400], ids=["1976", "-3h", "+2d"])
async def test_readings_get_true_times_when_the_clock_is_set(
    short_tmp, empty_hub, monkeypatch, off_s
):
    await asyncio.to_thread(subprocess.run, ["cp", "-a", empty_hub, short_tmp / "data"], check=True)
    clock = WallClock(short_tmp)
    clock.set(off_s)
    for name, value in clock.environment().items():
        monkeypatch.setenv(name, value)
    hub = HubProcess(short_tmp / "data", forked=False)
    await hub.start()
    try:
        for name in clock.environment():
            monkeypatch.delenv(name)
        sensor = Sensor(hub, "cellar")
        await sensor.join()
        await sensor.measure()
        await until(sensor.taken)
        clock.set(0)
        await until(sensor.right)
        # Somebody sets it back, a device sends, and it is put right.
        clock.set(-2 * 3600)
        await until(lambda: _steps(hub, 2))
        await sensor.measure()
        await until(sensor.taken)
        clock.set(0)
        await until(sensor.right)
        # Nothing of it stays with what comes later.
        await sensor.measure()
        await until(sensor.right)
        print(f"off by {off_s} s: the largest error is {await sensor.largest_error():.3f} s")
        ((latest, seen),) = await rows(
            hub,
            """SELECT (SELECT max(value) FROM dormouse.latest), extract(epoch FROM seen_at)::float8
               FROM dormouse.device_state""",
        )
        assert latest == sensor.seq
        assert abs(seen - time.time()) < 60
    finally:
        await hub.stop()


async def _steps(hub: HubProcess, number: int) -> bool:
    kept = json.loads((hub.data_dir / "clock.json").read_text())
    return len(kept["steps"]) >= number
