"""What enrolments cost those who wait: the device itself, the hub's loop, devices beside.

`enrol.wake_s`: a stranger, from its first connection to the acknowledgement of its first readings;
the median of several.
`enrol.burst_lag_s`: 500 devices enrol and report at once; the longest that the hub's loop, which
it shares with those devices here, did not come to something else.
`enrol.flood_slowest_wake_s`: while strangers enrol by the thousand, the slowest wake of a device
that has an account.
`enrol.provision_200_s`: 200 accounts made by hand, until all of them can connect.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hub.database.database import Database
from hub.database.migrate import migrate
from hub.database.postgres import Postgres
from tests.bench.report import note, report
from tests.support.broker import open_folder, until
from tests.support.mqtt311 import Client
from tests.support.mqtt_side import running_side
from tests.system.test_trust_enrolment import batch, connect, enrol, let_in
from tests.system.test_trust_flood import strangers

ROUNDS, BURST, FLOOD, BY_HAND = 5, 500, 4000, 200


async def run() -> None:
    """Each on the MQTT side of a hub, with an empty database."""
    logging.getLogger("hub").setLevel(logging.ERROR)  # each refusal is a warning
    folder = Path(tempfile.mkdtemp(prefix="dormouse-bench-"))
    folder.chmod(0o711)
    try:
        async with Postgres(folder / "postgres") as postgres:
            await migrate(postgres.owner_url)
            async with Database(postgres.app_url) as store:
                await store.ensure_tenant("home")
                async with _side(store) as side:
                    await _wakes(side)
                    await _by_hand(side)
                    await _flood(side)
                async with _side(store) as side:
                    await _burst(side)
    finally:
        shutil.rmtree(folder)


@asynccontextmanager
async def _side(store: Database) -> AsyncIterator:
    with open_folder() as folder:
        async with running_side(store, folder) as side:
            yield side


async def _wakes(side) -> None:
    took = []
    for number in range(ROUNDS):
        device, password = f"first_{number}", secrets.token_hex(16)
        began = time.perf_counter()
        await (await connect(side, device, password)).close()
        await enrol(side, device, password)
        async with await let_in(side, device, password) as client:
            await client.subscribe(f"HomeKit/{device}/$ack")
            await client.publish(f"HomeKit/{device}/$batch", batch(20.5, 21))
            await until(lambda client=client: client.got != [])
        took.append(time.perf_counter() - began)
    report("enrol.wake_s", statistics.median(took), "s", "<= 2")


async def _by_hand(side) -> None:
    began = time.perf_counter()
    names = [f"hand_{number}" for number in range(BY_HAND)]
    await asyncio.gather(*(side.book.provision(name, "home") for name in names))
    report("enrol.provision_200_s", time.perf_counter() - began, "s", "<= 5")


async def _flood(side) -> None:
    password = secrets.token_hex(16)
    await side.book.provision("dev", "home", password)
    slowest, flooding = 0.0, True

    async def existing() -> None:
        nonlocal slowest
        while flooding:
            began = time.perf_counter()
            async with await Client.connect(
                "127.0.0.1", side.ports["mqtt"], "dev", "dev", password
            ) as client:
                await client.publish("HomeKit/dev/TemperatureSensor/CurrentTemperature", "20")
            slowest = max(slowest, time.perf_counter() - began)
            await asyncio.sleep(0.05)

    device = asyncio.create_task(existing())
    await asyncio.gather(*(strangers(side.ports["enrol"], FLOOD // 4) for _ in range(4)))
    flooding = False
    await device
    report("enrol.flood_slowest_wake_s", slowest, "s", "<= 2")


async def _burst(side) -> None:
    at_once = asyncio.Semaphore(100)
    longest = 0.0

    async def one(device: str) -> None:
        password = secrets.token_hex(16)
        async with at_once:
            await enrol(side, device, password)
            async with await let_in(side, device, password, within=120) as client:
                await client.publish(f"HomeKit/{device}/$batch", batch(20))

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.01)
            longest = max(longest, time.perf_counter() - before)

    began = time.perf_counter()
    watcher = asyncio.create_task(watch())
    await asyncio.gather(*(one(f"burst_{number:03}") for number in range(BURST)))
    watcher.cancel()
    note(f"{BURST} devices in {time.perf_counter() - began:.1f} s")
    report("enrol.burst_lag_s", longest, "s", "<= 1")
