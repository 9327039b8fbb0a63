"""All attacks at once beside honest devices of three tenants: what do these lose or wait for?

`make siege`: SIEGE_MINUTES (120), SIEGE_DEVICES (500 in all), SIEGE_SLEEP (60 s between two wakes),
SIEGE_SILENT (1200 half connections). Not a part of `make test`: it is to be long.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import secrets
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from hub.mqtt.passwords import hash_password
from tests.support.hub import HubProcess, rows
from tests.support.mqtt311 import Client
from tests.system.siege import PASSWORD, Siege

MINUTES = float(os.environ.get("SIEGE_MINUTES", "0"))
DEVICES = int(os.environ.get("SIEGE_DEVICES", "500"))
SLEEP_S = float(os.environ.get("SIEGE_SLEEP", "60"))
SILENT = int(os.environ.get("SIEGE_SILENT", "1200"))
TENANTS = ("home", "beach", "school")
TEMPERATURE = "TemperatureSensor/CurrentTemperature"

pytestmark = pytest.mark.skipif(not MINUTES, reason="SIEGE_MINUTES says for how long")


class Honest:
    """A device that wakes again and again; `acked` is the last number that it need not keep."""

    def __init__(self, name: str, port: int) -> None:
        self.name, self._port = name, port
        self._boot = secrets.token_hex(4)
        self._began = time.monotonic()
        self.acked = self.made = 0
        self.took: list[float] = []
        self.failed = Counter[str]()

    async def live(self, rng: random.Random) -> None:
        """Wake until cancelled."""
        await asyncio.sleep(rng.uniform(0, SLEEP_S))
        while True:
            self.made += 1
            began = time.monotonic()
            try:
                async with asyncio.timeout(60):
                    await self._wake()
            except (OSError, EOFError, TimeoutError) as error:
                self.failed[type(error).__name__] += 1
            else:
                self.took.append(time.monotonic() - began)
            await asyncio.sleep(SLEEP_S * rng.uniform(0.9, 1.1))

    async def _wake(self) -> None:
        client = await Client.connect(
            "127.0.0.1", self._port, self.name, self.name, PASSWORD, keep_alive=600
        )
        async with client:
            if client.code != 0:
                raise ConnectionError("refused")
            await client.subscribe(f"HomeKit/{self.name}/$ack")
            readings = [[n, 0, TEMPERATURE, n / 10] for n in range(self.acked + 1, self.made + 1)]
            up = int(time.monotonic() - self._began) + 1
            said = {"boot": self._boot, "up": up, "lost": 0, "after": self.acked}
            said["readings"] = readings[:300]
            await client.publish(f"HomeKit/{self.name}/$batch", json.dumps(said))
            wanted = readings[:300][-1][0]
            while self.acked < wanted:
                for _, payload, _ in client.got:
                    heard = json.loads(payload)
                    if heard["boot"] == self._boot:
                        self.acked = max(self.acked, heard["seq"])
                if self.acked < wanted:
                    client.heard.clear()
                    await client.heard.wait()


def weight(hub: HubProcess) -> dict[str, tuple[int, int]]:
    """MB of memory and descriptors of the hub, its brokers, and all of Postgres together."""
    found: dict[str, tuple[int, int]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if "postgres" in command and str(hub.data_dir) in str((process / "cwd").readlink()):
                name = "postgres"
            elif "mosquitto" in command and str(hub.data_dir) in command:
                name = command.rpartition("/")[2].strip()
            elif int(process.name) == hub.process.pid:
                name = "hub"
            else:
                continue
            size = int((process / "statm").read_text().split()[1]) * 4 // 1024
            files = len(list((process / "fd").iterdir()))
            found[name] = found.get(name, (0, 0))[0] + size, found.get(name, (0, 0))[1] + files
    return found


async def accounts(hub: HubProcess, names: list[str], tenant: str) -> None:
    """Accounts that were made long ago, in the database."""
    await rows(
        hub,
        """WITH made AS (
               INSERT INTO dormouse.account (tenant_id, device, password, state)
               SELECT dormouse.current_tenant(), n, %s, 'active' FROM unnest(%s::text[]) AS n
               RETURNING device)
           SELECT dormouse.claim_broker_user(device) FROM made""",
        hash_password(PASSWORD),
        names,
        tenant=tenant,
    )


async def watch(hub: HubProcess, siege: Siege, honest: list[Honest]) -> None:
    """Say each minute how it stands, and how late this process itself is: that is in the times."""
    while True:
        late, until = 0.0, time.monotonic() + 60
        while (now := time.monotonic()) < until:
            await asyncio.sleep(0.1)
            late = max(late, time.monotonic() - now - 0.1)
        took = sorted(one for device in honest for one in device.took) or [0.0]
        status = "nothing"
        with contextlib.suppress(httpx.HTTPError):
            async with httpx.AsyncClient(timeout=10) as client:
                port = hub.facts["http_port"]
                status = (await client.get(f"http://127.0.0.1:{port}/healthz")).json()["status"]
        beyond = sum(one > 5 for one in took)
        print(
            f"{len(took)} wakes, median {took[len(took) // 2]:.2f} s, last {took[-1]:.2f} s, "
            f"{beyond} beyond 5 s (here {late:.2f} s late at most); {status}; {weight(hub)}; "
            f"{siege.counts}",
            flush=True,
        )


@pytest.mark.timeout(0)
@pytest.mark.parametrize("hub", [{"forked": False}], indirect=True)
async def test_honest_devices_lose_nothing(hub: HubProcess):
    seed = int(os.environ.get("SEED", random.randrange(2**32)))
    print(f"SEED={seed}")
    evil = ["evil0", "evil1", "evil2"]
    names = {
        tenant: [f"{tenant}{n:04}" for n in range(DEVICES // len(TENANTS))] for tenant in TENANTS
    }
    for tenant in TENANTS:
        await rows(hub, "SELECT dormouse.ensure_tenant(%s)", tenant)
        await accounts(hub, names[tenant] + (evil if tenant == "beach" else []), tenant)
    await hub.stop()
    await hub.start()
    honest = [Honest(name, hub.facts["mqtt_port"]) for each in names.values() for name in each]
    siege = Siege(hub, evil, silent=SILENT)
    lives = [asyncio.create_task(one.live(random.Random(f"{seed}{one.name}"))) for one in honest]
    around = [asyncio.create_task(siege.run()), asyncio.create_task(watch(hub, siege, honest))]
    first = weight(hub)
    await asyncio.wait([*around, *lives], timeout=MINUTES * 60, return_when="FIRST_EXCEPTION")
    ended = [task for task in (*around, *lives) if task.done()]
    for task in (*around, *lives):
        task.cancel()
    await asyncio.gather(*around, *lives, return_exceptions=True)
    assert not ended, ended[0]
    await lost_nothing(hub, honest)
    last, took = weight(hub), sorted(one for each in honest for one in each.took)
    failed = sum((each.failed for each in honest), Counter[str]())
    log = hub.log.read_text().splitlines()
    print(f"before {first}\nafter {last}\n{len(took)} wakes, {took[-1]:.2f} s the last, {failed}")
    print(f"{siege.counts}\n{len(log)} lines of log", *log[-20:], sep="\n")
    assert not failed
    assert took[-1] < 5
    assert len(log) < 3000


async def lost_nothing(hub: HubProcess, honest: list[Honest]) -> None:
    """What was acknowledged is in the database, once."""
    stored: dict[str, list[int]] = {}
    for tenant in TENANTS:
        for device, number in await rows(
            hub,
            """SELECT d.key, round(r.value * 10) FROM dormouse.reading r
               JOIN dormouse.series s ON s.id = r.series_id
               JOIN dormouse.device d ON d.id = s.device_id ORDER BY 1, 2""",
            tenant=tenant,
        ):
            stored.setdefault(device, []).append(int(number))
    for device in honest:
        found = stored.get(device.name, [])
        assert found[: device.acked] == list(range(1, device.acked + 1)), device.name
        assert len(found) == len(set(found)), f"{device.name} has readings twice"
