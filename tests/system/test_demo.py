"""`dormouse demo` as a user runs it: real hub, real broker, real Postgres, real firmware."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest

from tests.support.broker import open_folder

ROOT = Path(__file__).resolve().parents[2]
VALUES = (  # the last five digits of a device's id say its kind and number
    r"esp8266_...00000 TemperatureSensor/0/CurrentTemperature \d",
    r"esp8266_...40000 TemperatureSensor/0/CurrentTemperature \d",
    r"esp8266_...40000 HumiditySensor/0/CurrentRelativeHumidity \d",
    r"esp8266_...40000 AirPressureSensor/0/AirPressure \d",
    r"esp8266_...c0000 Switch/0/On False",
)


@pytest.fixture(scope="module")
def data_dir():
    """One for all tests here: the second start finds what the first one made."""
    with open_folder() as folder:
        yield folder


@pytest.fixture
def environment():
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DORMOUSE_")}
    ports = {f"DORMOUSE_{name}_PORT": "0" for name in ("HTTP", "MQTT", "ENROL", "HAP")}
    return {**kept, **ports, "DORMOUSE_HOST": "127.0.0.1", "PYTHONPATH": str(ROOT)}


def processes(*words: str) -> list[str]:
    """The command lines of running processes that contain all the words."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if all(word in line for word in words):
            found.append(line)
    return found


def ended(*words: str, within: float) -> bool:
    """Whether no such process is left, waiting for the last ones that long at most."""
    limit = time.monotonic() + within
    while processes(*words):
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


def test_once_ends_by_itself_when_every_value_is_there(data_dir, environment):
    done = subprocess.run(
        [sys.executable, "-m", "host", "demo", "--once", "--data-dir", data_dir],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for value in VALUES:
        assert re.search(value, done.stdout), done.stdout
    assert "Pair in the Home app with the code" in done.stdout
    assert not (data_dir / "demo/hub/hub.json").exists()
    assert ended(str(data_dir), within=0)


def test_control_c_ends_everything(data_dir, environment):
    child = pexpect.spawn(
        sys.executable,
        ["-m", "host", "demo", "--data-dir", str(data_dir)],
        env=environment,
        encoding="utf-8",
        codec_errors="replace",  # the terminal echoes ^C even within a character
        dimensions=(40, 120),
        timeout=60,
    )
    child.expect("°C")
    facts = json.loads((data_dir / "demo/hub/hub.json").read_text())
    assert processes(str(data_dir))
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert ended(str(data_dir), within=5)
    assert child.exitstatus == 0
    assert not Path(f"/proc/{facts['pid']}").exists()


def test_a_hub_that_cannot_start_is_one_clear_line(tmp_path, environment):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment["DORMOUSE_HTTP_PORT"] = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "host", "demo", "--once", "--data-dir", tmp_path],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "the hub ended by itself" in done.stderr
    assert environment["DORMOUSE_HTTP_PORT"] in done.stderr
