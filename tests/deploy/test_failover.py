"""A Postgres that fails over to its synchronous standby while devices publish."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

from tests.support.broker import owner
from tests.support.hub import HubProcess, until
from tests.support.mqtt311 import Client
from tests.support.numbered_sensor import NumberedSensor
from tests.support.replicated import replicated

ROUNDS = int(os.environ.get("FAILOVERS", "2"))
DEVICE = "esp8266_f100d000"


async def test_what_was_acknowledged_is_stored_once_whichever_server_dies(server_folder: Path):
    folder = server_folder / "failover"
    folder.mkdir(mode=0o711)
    account = owner()
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
    (server_folder / "hub").mkdir(mode=0o711)
    async with replicated(folder) as pair:
        hub = HubProcess(server_folder / "hub", DATABASE_URL=pair.url)
        await hub.start()
        try:
            password = (await hub.ask("POST", f"/accounts/{DEVICE}", json={}))["password"]
            client = await Client.let_in(
                "127.0.0.1", hub.facts["mqtt_port"], DEVICE, DEVICE, password
            )
            await client.subscribe(f"HomeKit/{DEVICE}/#")
            sensor = NumberedSensor(client, DEVICE)
            sending = asyncio.create_task(sensor.go_on())

            async def goes_on(beyond: int) -> bool:
                if sending.done():
                    await sending
                return sensor.acknowledged > beyond

            await until(lambda: goes_on(0))
            for number in range(ROUNDS):
                await (pair.switch_over() if number % 2 else pair.fail_over())
                before = sensor.made
                await until(lambda: goes_on(before))  # noqa: B023  # awaited at once
                await pair.rejoin()
                before = sensor.made
                await until(lambda: goes_on(before))  # noqa: B023  # awaited at once
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending
            last = sensor.acknowledged
            found = await pair.rows("SELECT n.value FROM dormouse.reading n ORDER BY n.value", 1)
            values = [round(value * 10) for (value,) in found]
            assert len(values) == len(set(values))
            assert set(range(1, last + 1)) <= set(values)
            health = await hub.ask("GET", "/status")
            assert [one["id"] for one in health["devices"]] == [DEVICE]
            await client.close()
        finally:
            assert await hub.stop() == 0
