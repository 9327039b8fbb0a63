"""Three machines with Patroni and etcd, by the recipe of deploy/cluster, whose primary dies.

`make soak` has it die and hand over five times (FAILOVERS=5), and prints how long each took.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path

import psycopg
import pytest

from tests.support.broker import owner
from tests.support.hub import HubProcess, until
from tests.support.mqtt311 import Client
from tests.support.numbered_sensor import NumberedSensor
from tests.support.patroni import LIMIT_S, patroni_cluster

ROUNDS = int(os.environ.get("FAILOVERS", "1"))
DEVICE = "esp8266_f100d000"


@pytest.mark.timeout(300 + 200 * ROUNDS)
async def test_the_hub_follows_patroni_and_each_acknowledged_reading_is_stored_once(
    server_folder: Path,
):
    folder, data = server_folder / "patroni", server_folder / "patroni-hub"
    account = owner()
    for one in (folder, data):
        one.mkdir(mode=0o711)
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
    async with patroni_cluster(folder) as cluster:
        hub = HubProcess(data, DATABASE_URL=cluster.url, DATABASE_READ_URL=cluster.read_url)
        await hub.start()
        try:
            password = (await hub.ask("POST", f"/accounts/{DEVICE}", json={}))["password"]
            port = hub.facts["mqtt_port"]
            client = await Client.let_in("127.0.0.1", port, DEVICE, DEVICE, password)
            await client.subscribe(f"HomeKit/{DEVICE}/#")
            sensor = NumberedSensor(client, DEVICE)
            sending = asyncio.create_task(sensor.go_on())

            async def goes_on(beyond: int) -> bool:
                if sending.done():
                    await sending
                return sensor.acknowledged > beyond

            await until(lambda: goes_on(0), limit_s=LIMIT_S)
            for number in range(ROUNDS):
                for what in ("killed", "handed over"):
                    began, former = time.monotonic(), None
                    if what == "killed":
                        former = await cluster.kill_primary()
                    else:
                        await cluster.switch_over()
                    before = sensor.made
                    await until(lambda: goes_on(before), limit_s=LIMIT_S)  # noqa: B023  # at once
                    took = time.monotonic() - began
                    print(f'{{"round": {number + 1}, "primary": "{what}", "silent_s": {took:.1f}}}')
                    if former is not None:
                        await cluster.start_patroni(former)
                    await cluster.settled()
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending
            last = sensor.acknowledged
            async with await psycopg.AsyncConnection.connect(cluster.superuser_url) as conn:
                found = await conn.execute("SELECT value FROM dormouse.reading ORDER BY value")
                values = [round(value * 10) for (value,) in await found.fetchall()]
            assert len(values) == len(set(values))
            assert set(range(1, last + 1)) <= set(values)
            print(f'{{"acknowledged": {last}, "stored": {len(values)}, "lost": 0, "twice": 0}}')
            await client.close()
        finally:
            assert await hub.stop() == 0
