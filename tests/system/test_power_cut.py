"""Power comes back and every device of a building wakes at once, with a new boot identity.

`make soak` runs it with 2,000 devices at once, then 10,000 within a minute: POWER_CUT_DEVICES,
POWER_CUT_SECONDS.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import time
from pathlib import Path

from hub.mqtt.passwords import hash_password
from tests.support import seeds
from tests.support.hub import HubProcess, rows, until
from tests.support.mqtt311 import Client

DEVICES = int(os.environ.get("POWER_CUT_DEVICES", "120"))
SECONDS = float(os.environ.get("POWER_CUT_SECONDS", "0"))
PASSWORD = "0123456789abcdef" * 2
NAMES = ("TemperatureSensor/CurrentTemperature", "HumiditySensor/CurrentRelativeHumidity")
# What each of them says: as firmware/dormouse/wake.py, in one write.
VALUES = (20.125, 55.5)


async def _accounts(hub: HubProcess, names: list[str]) -> None:
    """Accounts that were made long ago: in the database, before the hub starts."""
    hashed = hash_password(PASSWORD)
    await rows(
        hub,
        """WITH made AS (
               INSERT INTO dormouse.account (tenant_id, device, password, state)
               SELECT dormouse.current_tenant(), n, %s, 'active' FROM unnest(%s::text[]) AS n
               RETURNING device)
           SELECT dormouse.claim_broker_user(device) FROM made""",
        hashed,
        names,
    )


class Woken:
    """One device's first wake after the cut."""

    def __init__(self, name: str, port: int) -> None:
        self.name, self.port = name, port
        self.took = 0.0

    async def wake(self) -> None:
        """Connect, say everything in one write, and stay until the database has it."""
        client = await self._connected()
        began = time.monotonic()
        await client.subscribe(f"HomeKit/{self.name}/$ack")
        boot = secrets.token_hex(4)
        readings = [[n + 1, 0, name, VALUES[n]] for n, name in enumerate(NAMES)]
        batch = {"boot": boot, "up": 1, "lost": 0, "after": 0, "readings": readings}
        report = {"firmware": "0.1.0", "reset": "power", "boot": boot, "up": 1, "next_wake_s": 300}
        sent = [client.publish(f"HomeKit/{self.name}/$batch", json.dumps(batch))]
        sent += [
            client.publish(f"HomeKit/{self.name}/{name}", str(value), qos=0)
            for name, value in zip(NAMES, VALUES, strict=True)
        ]
        sent.append(client.publish(f"HomeKit/{self.name}/$report", json.dumps(report)))
        await asyncio.gather(*sent)
        while not any(json.loads(payload)["boot"] == boot for _, payload, _ in client.got):
            client.heard.clear()
            await client.heard.wait()
        self.took = time.monotonic() - began
        assert json.loads(client.got[-1][1])["seq"] == len(NAMES)
        await client.close()

    async def _connected(self) -> Client:
        client = await Client.connect(
            "127.0.0.1", self.port, self.name, self.name, PASSWORD, keep_alive=600
        )
        assert client.code == 0, self.name
        return client


def _cpu(pid: int) -> float:
    """The seconds that a process has computed for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_every_device_at_once(hub):
    names = [f"cut{n:05}" for n in range(DEVICES)]
    await _accounts(hub, names)
    await hub.stop()
    await hub.start()
    seed = seeds.seed()
    rng = random.Random(seed)
    devices = [Woken(name, hub.facts["mqtt_port"]) for name in names]

    async def live(device: Woken) -> None:
        await asyncio.sleep(rng.uniform(0, SECONDS))
        await device.wake()

    lines, used = len(hub.log.read_text().splitlines()), _cpu(hub.process.pid)
    async with asyncio.timeout(600):
        await asyncio.gather(*map(live, devices))
    took = sorted(device.took for device in devices)
    used = _cpu(hub.process.pid) - used
    said = hub.log.read_text().splitlines()[lines:]
    print(
        f"{DEVICES} devices in {SECONDS:.0f} s: $ack in {took[len(took) // 2]:.2f} s (median), "
        f"{took[-1]:.2f} s (last); the hub computed {used:.2f} s and logged {len(said)} lines"
    )
    stored = await rows(
        hub,
        """SELECT d.key, s.characteristic, count(*) FROM dormouse.reading r
           JOIN dormouse.series s ON s.id = r.series_id
           JOIN dormouse.device d ON d.id = s.device_id GROUP BY 1, 2""",
    )
    twice = [row for row in stored if row[2] > 1]
    assert len(stored) == DEVICES * len(NAMES)
    assert not twice, f"{len(twice)} series have a value twice: {twice[:3]}"

    async def all_reported() -> bool:
        asked = "SELECT count(*) FROM dormouse.device_state WHERE report_at IS NOT NULL"
        return await rows(hub, asked) == [(DEVICES,)]

    await until(all_reported)  # no acknowledgement waits for a report
    assert len(said) < 50, said[:50]
