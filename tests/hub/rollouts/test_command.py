"""`dormouse rollout`: what it prints, and one clear line for what makes no sense."""

from __future__ import annotations

import asyncio
import json
import os

import pytest
from typer.testing import CliRunner

from contracts.errors import DormouseError
from host.cli import root
from tests.support.hub import until
from tests.support.images import canned_image
from tests.support.publisher import Publisher

A, B = "esp8266_00000001", "esp8266_00000002"


@pytest.fixture
async def run(hub):
    """Runs `dormouse rollout`, on a hub that knows two devices and an image."""
    environment = {"DORMOUSE_DATA_DIR": str(hub.data_dir), "COLUMNS": "200"}
    devices = []
    for name, board in ((A, "nodemcu"), (B, "esp01")):
        device = Publisher(name, hub.facts["mqtt_port"], hub.facts["enrol_port"])
        await device.enrol()
        report = {"firmware": "1.0.0", "board": board, "reset": "deepsleep", "battery_mv": 2900,
                  "next_wake_s": 300}  # fmt: skip
        await device.send(f"HomeKit/{name}/$report", json.dumps(report).encode(), tag=1)
        await device.drain()
        devices.append(device)

    async def known() -> bool:
        return sum(bool(one["report"]) for one in (await hub.status())["devices"]) == 2

    await until(known)
    await hub.ask("POST", "/firmware", content=canned_image("2.0.0", "nodemcu"))

    runner = CliRunner(env=environment)

    async def call(*arguments: str) -> tuple[int, str]:
        """In this process: starting one each time takes longer than everything else."""
        done = await asyncio.to_thread(runner.invoke, root("rollout"), ["rollout", *arguments])
        if isinstance(done.exception, DormouseError):
            return done.exception.exit_status, f"{done.exception}\n"
        assert done.exception is None, done.exception
        return done.exit_code, done.output

    yield call
    for device in devices:
        await device.close()


async def commanded(hub) -> None:
    """The hub goes on with a rollout by itself, after it has said that it was started."""

    async def is_so() -> bool:
        found = await hub.ask("GET", "/rollouts/1")
        return [one["state"] for one in found["devices"]] == ["commanded", "skipped"]

    await until(is_so)


async def test_from_the_plan_to_the_history(run, hub):
    status, said = await run("start", "2.0.0", "--all", "--battery", "2700", "--plan")
    assert status == 0, said
    lines = [line.split() for line in said.splitlines()]
    assert said.startswith("2.0.0 for nodemcu: 1 waves, done about 20")
    assert lines[2][:3] == ["canary", A, "1.0.0"]
    assert lines[3][:2] == ["-", B]
    assert "skipped: is a 'esp01', the image is for 'nodemcu'" in said
    assert (await run("list"))[1].strip() == (
        "there was no rollout yet; see `dormouse rollout start --help`"
    )

    status, said = await run("start", "2.0.0", "--all", "--window", "00:00-24:00")
    assert (status, said) == (0, "rollout 1: 2.0.0 for nodemcu to 2 devices\n")
    await commanded(hub)
    status, said = await run("status", "1", "--once")
    assert "rollout 1: 2.0.0 for nodemcu: running, wave 1 of 1, 1 commanded, 1 skipped" in said
    found = json.loads((await run("status", "1", "--json"))[1])
    assert [d["state"] for d in found["devices"]] == ["commanded", "skipped"]
    assert found["devices"][0]["expected_at"] > found["created_at"]

    status, said = await run("start", "2.0.0", "--device", A)
    assert status == 1
    assert said.endswith(f"{A} is in rollout 1: wait for its end, or `dormouse rollout abort 1`\n")
    assert await run("pause", "1") == (0, "rollout 1 is paused\n")
    assert await run("pause", "1") == (1, "rollout 1 is paused: it cannot pause\n")
    assert await run("resume", "1") == (0, "rollout 1 is running\n")
    await commanded(hub)
    assert await run("abort", "1") == (0, "rollout 1 is aborted\n")
    status, said = await run("history", "1", "--device", A)
    assert [line.split(": ", 1)[1] for line in said.splitlines()] == [
        "- -> pending",
        "pending -> commanded",
        "commanded -> pending (the rollout is paused)",
        "pending -> commanded",
        "commanded -> skipped (the rollout was aborted before it took the command)",
    ]
    assert "aborted" in (await run("list"))[1]
    assert "aborted" in (await run("status", "1"))[1], "one that is over is shown once"


async def test_a_wifi_key_is_shown_to_nobody(run, hub):
    key = hub.data_dir.parent / "key"
    key.write_text("correct horse\n")
    status, said = await run("start", "--wifi", "Attic", "--wifi-key-file", str(key), "--all")
    assert status == 0, said
    for command in (("list",), ("status", "1", "--once"), ("status", "1", "--json"),
                    ("history", "1"), ("abort", "1"), ("status", "1")):  # fmt: skip
        said += (await run(*command))[1]
    assert "Attic" in said
    assert "correct horse" not in said
    assert "correct horse" not in hub.log.read_text()


async def test_settings_roll_out(run, hub):
    status, said = await run("start", "--set", "interval=600", "--all", "--reports", "0")
    assert (status, said) == (0, "rollout 1: interval=600 to 2 devices\n")
    found = json.loads((await run("status", "1", "--json"))[1])
    assert found["kind"] == "settings"

    async def one_is_commanded():
        counts = json.loads((await run("status", "1", "--json"))[1])["counts"]
        return counts == {"pending": 1, "commanded": 1}

    await until(one_is_commanded)


WRONG = [
    (["start", "2.0.0"], "No device was selected; name some with --device"),
    (["start", "2.0.0", "--device", "esp8266_0000000"],
     f"there is no device 'esp8266_0000000'; perhaps {A}, {B}?"),
    (["start", "9.9.9", "--all"], "9.9.9"),
    (["start", "latest", "--all"], "latest"),
    (["start", "2.0.0", "--device", B], "2.0.0 for esp01"),
    (["start", "--all"], "name one of: a version, an image's number, settings"),
    (["start", "2.0.0", "--all", "--wave", "120%"],
     "wave: '120%' is neither a number of devices nor a percentage like 25%"),
    (["start", "2.0.0", "--all", "--window", "6-7"],
     "windows: '6-7' is not a window like 22:00-06:00"),
    (["start", "2.0.0", "--all", "--timezone", "Mars"],
     "timezone: 'Mars' is no time zone like Europe/Berlin"),
    (["start", "2.0.0", "--all", "--streams", "0"], "streams: Input should be greater than"),
    (["start", "2.0.0", "--place", "Attic"], "there is no place 'Attic'"),
    (["start", "2.0.0", "--where", "$.battery <"], "$.battery <"),
    (["start", "2.0.0", "--all", "--tenant", "nobody"], "nobody"),
    (["start", "--set", "interval=soon", "--all"], "interval: "),
    (["start", "--set", "colour=red", "--all"], "colour: no such setting"),
    (["start", "--set", "wifi=x", "--all"], "wifi: is not given here"),
    (["status", "7"], "there is no rollout 7; see `dormouse rollout list`"),
    (["abort", "7"], "there is no rollout 7"),
    (["history", "7"], "there is no rollout 7"),
    (["pause", "99999999999999"], "there is no rollout 99999999999999"),
]  # fmt: skip


async def test_what_makes_no_sense(run, hub):
    for arguments, line in WRONG:
        status, said = await run(*arguments)
        assert status in {1, 2}, (arguments, said)
        assert line in said, (arguments, said)
        assert len(said.splitlines()) == 1, (arguments, said)
    environment = {**os.environ, "DORMOUSE_DATA_DIR": str(hub.data_dir)}
    status, said = await hub.command("rollout", "status", "7", env=environment)
    assert (status, said) == (1, "dormouse: there is no rollout 7; see `dormouse rollout list`\n")
    assert json.loads((await run("list", "--json"))[1]) == []
