"""Real firmware: from an empty flash to a row in one wake; killed brokers; the command line."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys

import pytest
from typer.testing import CliRunner

from contracts.hub_client import HubRefusedError
from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind
from hub.devices import account_commands as cli
from tests.support import seeds
from tests.support.hub import ROOT, rows, until
from tests.support.mqtt311 import Client
from tests.support.storm import child

READINGS = """
SELECT r.value FROM dormouse.reading r JOIN dormouse.series s ON s.id = r.series_id
JOIN dormouse.device d ON d.id = s.device_id WHERE d.key = %s"""
DELIVERED = """
SELECT upper(v.seqs) - 1, v.lost,
       (SELECT sum(upper(r) - lower(r)) FROM unnest(v.seqs) AS r), v.boot, s.report,
       (SELECT count(*) FROM dormouse.reading r JOIN dormouse.series e ON e.id = r.series_id
        WHERE e.device_id = d.id)
FROM dormouse.delivery v JOIN dormouse.device d ON d.id = v.device_id
JOIN dormouse.device_state s ON s.device_id = d.id WHERE d.key = %s"""


async def test_an_empty_flash_is_enrolled_and_stored_in_one_wake(hub, make_twin):
    twin = make_twin(TwinKind.DS18B20, HubAddress.of(hub.facts), interval=60)
    await twin.start()
    assert await until(lambda: rows(hub, READINGS, twin.id), every_s=0.02)
    assert twin.statistics.boots == 1
    assert twin.statistics.failures == 0


async def broker_of(hub) -> int | None:
    """Its process id; None while it is not there."""
    return child(hub.process.pid, "mosquitto")


async def test_firmware_keeps_what_a_killed_broker_lost_and_sends_it_again(hub, make_twin):
    seed = seeds.seed()
    chance = random.Random(seed)
    twins = [make_twin(TwinKind.DS18B20, HubAddress.of(hub.facts), interval=1) for _ in range(3)]
    for twin in twins:
        await twin.start()
    await until(lambda: rows(hub, READINGS, twins[-1].id))
    for _ in range(4):
        await asyncio.sleep(chance.uniform(0.5, 2.5))
        os.kill(await until(lambda: broker_of(hub)), signal.SIGKILL)
    for twin in twins:
        cycles = twin.statistics.cycles

        async def complete(twin=twin, cycles=cycles):
            """Without a hole up to what the device said last, several wakes later."""
            for last, lost, held, boot, report, stored in await rows(hub, DELIVERED, twin.id):
                assert lost == 0
                assert stored == held
                if report["boot"] == boot and twin.statistics.cycles >= cycles + 3:
                    return held == last and last >= report["seq"] - 1
            return False

        await until(complete, limit_s=60)


async def dormouse(hub, *arguments):
    """The command's output; fails with it when the command fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "host", *arguments, "--data-dir", str(hub.data_dir),
        stdout=-1, stderr=-1, cwd=ROOT,
    )  # fmt: skip
    output, error = await process.communicate()
    return process.returncode, output.decode(), error.decode()


async def test_dormouse_devices(hub):
    async def devices(*arguments):
        # In this process: a new one would spend a second on imports each time.
        arguments = [*arguments, "--data-dir", str(hub.data_dir)]
        result = await asyncio.to_thread(CliRunner().invoke, cli.app, arguments)
        if result.exception is not None:
            raise result.exception
        return result.output

    async def code(name, password):
        client = await Client.connect("127.0.0.1", hub.facts["mqtt_port"], name, name, password)
        await client.close()
        return client.code

    password = (await devices("add", "dev")).split()[-1]
    assert await code("dev", password) == 0
    await devices("disable", "dev")
    assert await code("dev", password) == 5
    await devices("enable", "dev")
    assert await code("dev", password) == 0
    rotated = (await devices("rotate", "dev")).split()[-1]
    assert (await code("dev", password), await code("dev", rotated)) == (5, 0)
    await devices("renew", "dev", "--minutes", "5")
    chosen = hub.data_dir / "chosen"
    chosen.write_text("c" * 32 + "\n")
    assert "c" * 32 not in await devices("add", "viewer.anna", "--password-file", str(chosen))
    assert await code("viewer.anna", "c" * 32) == 0
    await devices("remove", "viewer.anna")
    await devices("window", "10")
    found = json.loads(await devices("list", "--json"))
    assert [(a["name"], a["state"]) for a in found["accounts"]] == [("dev", "active")]
    assert 590 < found["window"]["seconds"] <= 600
    assert "10 minutes left" in await devices("list")
    await devices("window", "0")
    await devices("remove", "dev")
    assert await code("dev", rotated) == 5

    status, _, error = await dormouse(hub, "devices", "disable", "dev")
    assert (status, error) == (1, "dormouse: there is no account dev\n")
    with pytest.raises(HubRefusedError, match="1 to 64 of"):
        await devices("add", "a+b")
    with pytest.raises(HubRefusedError, match="dev has not asked to enrol"):
        await devices("approve", "dev")
