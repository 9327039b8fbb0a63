"""`dormouse ota device`: one sleeping device, from the command to its first report."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from contextlib import asynccontextmanager

import pytest

from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind
from host.twin.statistics import TwinState
from tests.support import seeds
from tests.support.hub import ROOT, until
from tests.support.lossy import bad_weather


def environment(hub) -> dict[str, str]:
    own = {k: v for k, v in os.environ.items() if not k.startswith("DORMOUSE_")}
    return own | {"DORMOUSE_DATA_DIR": str(hub.data_dir), "PYTHONPATH": str(ROOT)}


@pytest.fixture
def run(hub):
    async def run(*arguments: object) -> tuple[int, str]:
        return await hub.command(*map(str, arguments), env=environment(hub))

    return run


async def firmware_of(hub, device: str) -> str | None:
    for entry in (await hub.status())["devices"]:
        if entry["id"] == device and entry["report"]:
            return entry["report"]["firmware"]
    return None


@pytest.fixture
async def sensor(hub, lossy):
    """A sensor behind a bad link, known to the hub, asleep until it is roused."""
    seed = seeds.seed()
    twin = await lossy(
        TwinKind.DS18B20,
        HubAddress.of(hub.facts),
        bad_weather(random.Random(seed)),
        seed,
        interval=4,
    )
    await twin.start()
    await until(lambda: firmware_of(hub, twin.id), limit_s=60)
    twin.pace = 1000  # from its next sleep on
    await twin.cycle()
    return twin


@asynccontextmanager
async def watching(hub, *arguments: object):
    """`dormouse ota device`, once the device is commanded: the process, and its line about that."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "host", "ota", "device", *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment(hub) | {"PYTHONUNBUFFERED": "1"},
        cwd=ROOT,
    )
    try:
        line = (await child.stdout.readline()).decode()
        if line.endswith(": waiting\n"):  # the rollout has only begun
            line = (await child.stdout.readline()).decode()
        yield child, line
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


def wake(twin) -> None:
    """The device's alarm; from now on it sleeps as it says."""
    twin.pace = 1
    twin.wake()


async def test_from_the_command_to_updated(hub, run, sensor, updatable, tmp_path):
    raw = tmp_path / "firmware-ota.bin"
    raw.write_bytes(updatable.image("2.0.0"))
    async with watching(hub, sensor.id, raw, "--key", updatable.pem) as (child, first):
        assert first.startswith(f"{sensor.id}: waiting for its wake: asleep, last heard at"), first
        wake(sensor)
        rest = (await child.stdout.read()).decode().splitlines()
        assert await child.wait() == 0, rest
    steps = [line.removeprefix(f"{sensor.id}: ") for line in rest]
    assert any(step.startswith("streaming ") for step in steps), steps
    assert steps[-1] == "updated, runs 2.0.0"
    assert await firmware_of(hub, sensor.id) == "2.0.0"
    assert sensor.statistics.failures == 0

    # Once more by its version: there is nothing to do.
    status, said = await run("ota", "device", sensor.id, "2.0.0")
    assert (status, said) == (6, f"{sensor.id}: skipped: runs 2.0.0 already\n")


async def test_what_cannot_be_is_said_in_one_line(hub, run, sensor, updatable, tmp_path):
    foreign = tmp_path / "d1.bin"
    foreign.write_bytes(updatable.image("3.0.0", board="d1"))
    ours = tmp_path / "ours.bin"
    ours.write_bytes(updatable.image("2.0.0"))
    key = ("--key", updatable.pem)
    assert (await run("firmware", "add", ours, *key))[0] == 0
    for arguments, status, expected in (
        (("esp8266_00000000", "2.0.0"), 1, "esp8266_00000000"),
        ((sensor.id, "newest"), 10, "newest: neither a file nor a version like 1.2.3"),
        ((sensor.id, "9.9.9"), 1, "no image 9.9.9"),
        ((sensor.id, tmp_path / "none.bin"), 10, "neither a file nor a version"),
        ((sensor.id, foreign, *key), 6, "the image is for 'd1'"),
        ((sensor.id, updatable.pem, *key), 14, "not an ESP8266 image"),
    ):
        found, said = await run("ota", "device", *arguments)
        assert (found, expected in said) == (status, True), said
        assert said.strip().count("\n") == 0 or "signing" in said, said
    # While one update waits for it, another is refused; and the image stays.
    status, said = await run("ota", "device", sensor.id, "2.0.0", "--detach")
    assert status == 0, said
    status, said = await run("ota", "device", sensor.id, "2.0.0")
    assert (status, "is in rollout" in said) == (1, True), said
    status, said = await run("firmware", "remove", "2.0.0")
    assert (status, "in use by rollout" in said) == (1, True), said
    assert await firmware_of(hub, sensor.id) == "1.0.0"


async def test_ctrl_c_ends_the_watching_alone(hub, run, sensor, updatable, tmp_path):
    raw = tmp_path / "fw.bin"
    raw.write_bytes(updatable.image("2.0.0"))
    assert (await run("firmware", "add", raw, "--key", updatable.pem))[0] == 0
    async with watching(hub, sensor.id, "2.0.0") as (child, first):
        assert "waiting for its wake" in first, first
        child.send_signal(signal.SIGINT)
        assert await child.wait() == 130
    wake(sensor)
    # The hub goes on by itself.
    await until(lambda: _is(hub, sensor.id, "2.0.0"), limit_s=60)


async def test_the_watching_goes_on_when_the_hub_is_killed(hub, run, sensor, updatable, tmp_path):
    raw = tmp_path / "fw.bin"
    raw.write_bytes(updatable.image("2.0.0"))
    async with watching(hub, sensor.id, raw, "--key", updatable.pem) as (child, _):
        wake(sensor)
        await sensor.until(lambda now: now.state is TwinState.UPDATING, within=60)
        await hub.kill()
        await hub.start()
        rest = (await child.stdout.read()).decode().splitlines()
        assert await child.wait() == 0, rest
    assert rest[-1] == f"{sensor.id}: updated, runs 2.0.0"


async def _is(hub, device: str, version: str) -> bool:
    return await firmware_of(hub, device) == version
