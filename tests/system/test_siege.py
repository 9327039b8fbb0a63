"""All attacks at once beside honest devices of three tenants: what do these lose or wait for?

`make siege`: SIEGE_MINUTES (120), SIEGE_DEVICES (500 in all), SIEGE_SLEEP (60 s between two wakes),
SIEGE_SILENT (1200 half connections), SIEGE_PAUSE (0.2 s between two strikes of an attack; more for
less of the machine), SIEGE_CORES (folder for memory dumps of a broker that ended by itself: `cores`
where it is started; `gdb mosquitto cores/core`). Not a part of `make test`: it is to be long. It
says each minute how it stands; what it found is one JSON object a line at its end, as a bench's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import resource
import secrets
import shutil
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from hub.mqtt.passwords import hash_password
from tests.bench.report import report
from tests.support.hub import HubProcess, rows
from tests.support.mqtt311 import Client
from tests.system.siege import PASSWORD, Siege

MINUTES = float(os.environ.get("SIEGE_MINUTES", "0"))
DEVICES = int(os.environ.get("SIEGE_DEVICES", "500"))
SLEEP_S = float(os.environ.get("SIEGE_SLEEP", "60"))
SILENT = int(os.environ.get("SIEGE_SILENT", "1200"))
PAUSE_S = float(os.environ.get("SIEGE_PAUSE", "0.2"))
CORES = Path(os.environ.get("SIEGE_CORES", "cores"))
# s: whoever waits longer is slow, and what goes on in the first of them is the start.
SLOW_S, EVERY_S = 5.0, 60.0
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
        """s of each wake, from before it connects until it has its `$ack`."""
        self.slow: list[str] = []
        self.failed = Counter[str]()
        self._reached: list[float] = []

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
                self.slow.append(f"{self.name} {type(error).__name__} {self._stages(began)}")
            else:
                self.took.append(time.monotonic() - began)
                if self.took[-1] > SLOW_S:
                    self.slow.append(f"{self.name} {self._stages(began)}")
            await asyncio.sleep(SLEEP_S * rng.uniform(0.9, 1.1))

    def _stages(self, began: float) -> str:
        """When a wake got so far, in s: let in, subscribed, at the broker, in the database."""
        return " ".join(f"{at - began:.2f}" for at in (*self._reached, time.monotonic()))

    async def _wake(self) -> None:
        self._reached = []
        client = await Client.connect(
            "127.0.0.1", self._port, self.name, self.name, PASSWORD, keep_alive=600
        )
        async with client:
            if client.code != 0:
                raise ConnectionError("refused")
            self._reached.append(time.monotonic())
            await client.subscribe(f"HomeKit/{self.name}/$ack")
            self._reached.append(time.monotonic())
            readings = [[n, 0, TEMPERATURE, n / 10] for n in range(self.acked + 1, self.made + 1)]
            up = int(time.monotonic() - self._began) + 1
            said = {"boot": self._boot, "up": up, "lost": 0, "after": self.acked}
            said["readings"] = readings[:300]
            await client.publish(f"HomeKit/{self.name}/$batch", json.dumps(said))
            self._reached.append(time.monotonic())
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
        with contextlib.suppress(OSError, ValueError, IndexError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if "postgres" in command and str(hub.data_dir) in str((process / "cwd").readlink()):
                name = "postgres"
            elif "mosquitto" in command and str(hub.data_dir) in command:
                name = command.rpartition("/")[2].strip()
            elif int(process.name) == hub.process.pid:
                name = "hub"
            else:
                continue
            # What several have together counts once: Postgres' buffers.
            held = (process / "smaps_rollup").read_text().partition("Pss:")[2]
            size = int(held.split()[0]) // 1024
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


class Watch:
    """What is seen of the hub meanwhile: its health, its weight, and how late this process is."""

    def __init__(self, hub: HubProcess, siege: Siege, honest: list[Honest]) -> None:
        self._hub, self._siege, self._honest = hub, siege, honest
        self.health = Counter[str]()
        self.late = 0.0
        self.weights: list[dict[str, tuple[int, int]]] = []
        self._told = 0

    async def run(self) -> None:
        """Until cancelled; each minute says how it stands."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._feel())
            group.create_task(self._ask())
            group.create_task(self._tell())

    async def _feel(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.1)
            self.late = max(self.late, time.monotonic() - began - 0.1)

    async def _ask(self) -> None:
        """Its health each few seconds, and why where it is not well."""
        url = f"http://127.0.0.1:{self._hub.facts['http_port']}/healthz"
        async with httpx.AsyncClient(timeout=10) as client:
            while True:
                try:
                    said = (await client.get(url)).json()
                except (httpx.HTTPError, ValueError) as error:
                    said = {"status": type(error).__name__}
                self.health[said["status"]] += 1
                if said["status"] != "ok":
                    print(f"{time.strftime('%H:%M:%S')} health: {said}", flush=True)
                await asyncio.sleep(3)  # as often as something that watches over it asks

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            self.weights.append(weight(self._hub))
            took = sorted(one for device in self._honest for one in device.took) or [0.0]
            slow = [line for device in self._honest for line in device.slow]
            print(
                f"{time.strftime('%H:%M:%S')} {len(took)} wakes, "
                f"median {took[len(took) // 2]:.2f} s, last {took[-1]:.2f} s "
                f"(here {self.late:.2f} s late at most); {self.weights[-1]}; {self._siege.counts}",
                *slow[self._told :],
                sep="\n  ",
                flush=True,
            )
            self._told = len(slow)


def summary(watched: Watch, honest: list[Honest], lines: int) -> bool:
    """Report all figures against their targets; whether each is met.

    Memory and descriptors are flat when the second half's most is at most a quarter and 20 MB, or
    60 descriptors, over the first half's: what attackers fill up to a bound is filled by then.
    """
    took = sorted(one for each in honest for one in each.took) or [0.0]
    failed = sum((each.failed for each in honest), Counter[str]())
    unwell = sum(watched.health.values()) - watched.health["ok"]
    figures: list[tuple[str, float, str, str | None]] = [
        ("wakes", len(took), "wakes", None),
        ("failed", failed.total(), "wakes", "<= 0"),
        ("median", took[len(took) // 2], "s", None),
        ("slowest", took[-1], "s", f"<= {SLOW_S:.0f}"),
        ("unwell", 100 * unwell / max(watched.health.total(), 1), "%", "<= 0"),
        ("log", lines, "lines", "<= 3000"),
        ("own_delay", watched.late, "s", None),
    ]
    half = len(watched.weights) // 2
    for name in sorted({name for one in watched.weights for name in one}) if half else ():
        for index, what, unit, room in ((0, "memory", "MB", 20), (1, "descriptors", "files", 60)):
            first, second = (
                max(one.get(name, (0, 0))[index] for one in part)
                for part in (watched.weights[:half], watched.weights[half:])
            )
            bound = f"<= {max(first * 1.25, first + room):.0f}"
            figures.append((f"{what}_{name.removesuffix('.conf')}", second, unit, bound))
    for name, value, unit, target in figures:
        report(f"siege.{name}", value, unit, target)
    bounds = [(value, target) for _, value, _, target in figures if target]
    return all(value <= float(target.split()[1]) for value, target in bounds)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("hub", [{"forked": False}], indirect=True)
async def test_honest_devices_lose_nothing(hub: HubProcess):
    seed = int(os.environ.get("SEED", random.randrange(2**32)))
    print(f"SEED={seed}")
    evil = [f"evil{n}" for n in range(4)]
    names = {
        tenant: [f"{tenant}{n:04}" for n in range(DEVICES // len(TENANTS))] for tenant in TENANTS
    }
    for tenant in TENANTS:
        await rows(hub, "SELECT dormouse.ensure_tenant(%s)", tenant)
        await accounts(hub, names[tenant] + (evil if tenant == "beach" else []), tenant)
    await hub.stop()
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))  # its children have it from us
    await hub.start()
    honest = [Honest(name, hub.facts["mqtt_port"]) for each in names.values() for name in each]
    siege = Siege(hub, evil, silent=SILENT, pause_s=PAUSE_S)
    watched = Watch(hub, siege, honest)
    lives = [asyncio.create_task(one.live(random.Random(f"{seed}{one.name}"))) for one in honest]
    around = [asyncio.create_task(siege.run()), asyncio.create_task(watched.run())]
    await asyncio.wait([*around, *lives], timeout=MINUTES * 60, return_when="FIRST_EXCEPTION")
    ended = [task for task in (*around, *lives) if task.done()]
    for task in (*around, *lives):
        task.cancel()
    await asyncio.gather(*around, *lives, return_exceptions=True)
    log = hub.log.read_text().splitlines()
    print(*log[-20:], f"{siege.counts}; {dict(watched.health)}", sep="\n")
    died = [line for line in log if "(devices) ended" in line]
    print(*died, *keep_cores(hub), sep="\n")
    report("siege.broker_ended", len(died), "times", "<= 0")
    met = summary(watched, honest, len(log)) and not died
    assert not ended, ended[0]
    await lost_nothing(hub, honest)
    report("siege.lost", 0, "readings", "<= 0")
    assert met


def keep_cores(hub: HubProcess) -> list[Path]:
    """Take memory dumps of the broker out of the folder that goes; where they are."""
    found = [path for path in (hub.data_dir / "broker").glob("core*") if path.is_file()]
    for core in found:
        CORES.mkdir(parents=True, exist_ok=True)
        shutil.copy(core, CORES / core.name)
    return [CORES.resolve() / core.name for core in found]


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
