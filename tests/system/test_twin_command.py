"""`dormouse twin` as a user runs it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from pathlib import Path

import pexpect

from tests.support.hub import until

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = ("--hub", "127.0.0.1", "--port", "1", "--enrol-port", "1")


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DORMOUSE_")}
    return {**kept, "PYTHONPATH": str(ROOT)}


class Command:
    """`dormouse twin` with arguments; once ended, what it left."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments
        self.status = None

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "host", "twin", *self.arguments,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment(),
        )  # fmt: skip
        return self

    async def __aexit__(self, *_):
        """Ctrl-C, unless it has ended by itself."""
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGINT)
            await self.ended()

    async def ended(self):
        output, errors = await self.process.communicate()
        self.output, self.errors = output.decode(), errors.decode()
        self.status = self.process.returncode


async def heard(hub, count: int) -> bool:
    """Whether the hub has values of so many devices."""
    return sum(bool(device["values"]) for device in (await hub.status())["devices"]) == count


async def test_a_fleet_on_the_hub_of_a_data_folder_is_the_same_the_next_time(hub):
    data = ("--data-dir", str(hub.data_dir))
    async with Command("--count", "4", "--interval", "1", *data) as fleet:
        await until(lambda: heard(hub, 4), limit_s=60)
    assert fleet.status == 0, fleet.errors
    cycles, failures = re.search(r"(\d+) cycles .*, (\d+) failures\n$", fleet.output).groups()
    assert int(cycles) >= 3
    assert int(failures) == 0

    # The hub knows their passwords: devices that made new ones would be refused.
    async with Command("--count", "5", "--interval", "1", *data) as fleet:
        await until(lambda: heard(hub, 5), limit_s=60)
    assert fleet.status == 0, fleet.errors


async def test_a_folder_in_use_is_refused(tmp_path):
    place = tmp_path / "devices"
    async with Command(*NOWHERE, "--folder", str(place)):
        await until(lambda: asyncio.to_thread((place / "first-chip-id").exists))
        async with Command(*NOWHERE, "--folder", str(place)) as second:
            await second.ended()
    assert second.status == 5
    assert second.errors.count("\n") == 1
    assert str(place) in second.errors


async def test_a_broker_that_is_not_there_is_said_and_counted(tmp_path):
    command = Command("--kind", "bme280", "--seconds", "6", *NOWHERE, "--data-dir", str(tmp_path))
    async with command as fleet:
        await fleet.ended()
    assert fleet.status == 1
    assert re.search(r"[1-9]\d* failures\n$", fleet.output)
    # The third wake in vain asks no more for an account.
    assert re.search("broker: (OSError|Refused)", fleet.errors)


async def test_without_a_hub_one_line_says_what_to_do(tmp_path):
    async with Command("--data-dir", str(tmp_path)) as fleet:
        await fleet.ended()
    assert (fleet.status, fleet.output) == (4, "")
    assert fleet.errors.count("\n") == 1
    assert str(tmp_path) in fleet.errors
    assert "--hub" in fleet.errors


def test_the_table_in_a_terminal_and_control_c(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    where = (*NOWHERE, "--folder", str(tmp_path / "devices"))
    child = pexpect.spawn(
        sys.executable,
        ["-m", "host", "twin", "--kind", "bme280", "--interval", "1", *where],
        # Runners may hand on a COLUMNS of their own.
        env={**environment(), "TMPDIR": str(work), "COLUMNS": "120"},
        encoding="utf-8",
        codec_errors="replace",  # the terminal echoes ^C even within a character
        dimensions=(30, 120),
        timeout=60,
    )
    child.expect("esp8266_[0-9a-f]{3}40200")
    child.expect("broker: (OSError|Refused)")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert list(work.iterdir()) == []
