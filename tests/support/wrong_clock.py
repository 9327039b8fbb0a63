"""Machines whose clock is wrong: a hub by libfaketime's wall clock, and devices that know the time.

The whole hub, Postgres and the broker run by that clock; the boot clock is the machine's own.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.support.hub import HubProcess, rows
from tests.support.mqtt311 import Client

__all__ = ["YEARS_S", "PlainSensor", "Sensor", "WallClock"]

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

    @staticmethod
    def end() -> None:
        """Remove what libfaketime's killed processes left in memory."""
        for left in Path("/dev/shm").glob("*faketime_s[eh]m_*"):
            if not Path("/proc", left.name.rpartition("_")[2]).exists():
                left.unlink(missing_ok=True)


class Sensor:
    """A device that sends a numbered reading with its own clock, and knows when."""

    ago_s = 2.0

    def __init__(self, hub: HubProcess, name: str) -> None:
        self.hub, self.name, self.seq = hub, name, 0
        self.born = time.monotonic()
        self.true: dict[int, float] = {}

    async def join(self) -> None:
        async with self.hub.operator() as operator:
            answer = await operator.post(f"/accounts/{self.name}", json={"password": "p" * 20})
            answer.raise_for_status()

    async def measure(self) -> None:
        """One more reading, taken `ago_s` before it is sent."""
        self.seq += 1
        self.true[self.seq] = time.time() - self.ago_s
        port = self.hub.facts["mqtt_port"]
        async with await Client.connect(
            "127.0.0.1", port, self.name, self.name, "p" * 20
        ) as client:
            await self.say(client)

    async def say(self, client: Client) -> None:
        """What it publishes in a wake."""
        batch = {
            "boot": "0badcafe",
            "up": round(time.monotonic() - self.born + 100, 3),
            "lost": 0,
            "after": self.seq - 1,
            "readings": [[self.seq, 2, "TemperatureSensor/CurrentTemperature", self.seq]],
        }
        report = {"boot": "0badcafe", "up": batch["up"], "seq": self.seq, "next_wake_s": 300}
        await client.publish(f"HomeKit/{self.name}/$batch", json.dumps(batch))
        await client.publish(f"HomeKit/{self.name}/$report", json.dumps(report))

    async def taken(self) -> bool:
        """Whether the hub has the last one, wherever it has put it."""
        ((count,),) = await rows(
            self.hub,
            """SELECT count(*) FROM (SELECT series_id FROM dormouse.reading
               UNION ALL SELECT series_id FROM dormouse.quarantine) r
               JOIN dormouse.series s ON s.id = r.series_id
               JOIN dormouse.device d ON d.id = s.device_id WHERE d.key = %s""",
            self.name,
        )
        return count >= self.seq

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


class PlainSensor(Sensor):
    """One of other firmware, that says its value and nothing else."""

    ago_s = 0.0

    async def say(self, client: Client) -> None:
        topic = f"HomeKit/{self.name}/TemperatureSensor/CurrentTemperature"
        await client.publish(topic, str(self.seq))
