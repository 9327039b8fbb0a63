"""`dormouse twin` as a user runs it."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from pathlib import Path

import pexpect

ROOT = Path(__file__).resolve().parents[2]


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DORMOUSE_")}
    return {**kept, "PYTHONPATH": str(ROOT)}


async def command(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "host", "twin", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment(),
    )  # fmt: skip
    output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


async def test_a_fleet_on_the_hub_of_a_data_folder(hub):
    status, output, errors = await command(
        "--count", "4", "--interval", "1", "--seconds", "6", "--data-dir", str(hub.data_dir)
    )
    assert status == 0, errors
    cycles, rate, failures = re.search(
        r"(\d+) cycles \(([\d.]+)/s\), (\d+) failures\n$", output
    ).groups()
    assert int(cycles) >= 6
    assert float(rate) > 0
    assert int(failures) == 0
    status = await hub.status()
    assert len(status["devices"]) == 4
    assert all(device["values"] for device in status["devices"])


async def test_a_broker_that_is_not_there_is_said_and_counted():
    status, output, errors = await command(
        "--count", "1", "--kind", "bme280", "--interval", "1", "--seconds", "2",
        "--hub", "127.0.0.1", "--port", "1", "--enrol-port", "1",
    )  # fmt: skip
    assert status == 1
    assert re.search(r"[1-9]\d* failures\n$", output)
    assert "broker: OSError" in errors


async def test_without_a_hub_one_line_says_what_to_do(tmp_path):
    status, output, errors = await command("--data-dir", str(tmp_path))
    assert (status, output) == (4, "")
    assert errors.count("\n") == 1
    assert str(tmp_path) in errors
    assert "--hub" in errors


def test_the_table_in_a_terminal_and_control_c(tmp_path):
    child = pexpect.spawn(
        sys.executable,
        [
            "-m",
            "host",
            "twin",
            "--count",
            "2",
            "--kind",
            "bme280",
            "--interval",
            "1",
            "--hub",
            "127.0.0.1",
            "--port",
            "1",
        ],
        env={**environment(), "TMPDIR": str(tmp_path)},
        encoding="utf-8",
        dimensions=(30, 120),
        timeout=20,
    )
    child.expect("esp8266_00d00001")
    child.expect("broker: OSError")
    began = time.monotonic()
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert time.monotonic() - began < 5
    assert child.exitstatus == 1
    assert list(tmp_path.iterdir()) == []
