"""The check of the firmware finds what the device would stumble over, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.lint.micropython import findings

TOP = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "line",
    [
        "a, b, c = text.partition('/')",
        "lines = data.splitlines()",
        "from binascii import crc32",
        "check = binascii.crc32(data)",
        "n = random.randint(0, 5)",
        "from random import randint",
        "digest = hashlib.md5(data)",
        "why = machine.wake_reason()",
        "machine.deepsleep()",
        "machine.deepsleep(2 * 3600 * 1000)",
        "sock.setblocking(True)",
        "from dataclasses import dataclass",
        "import os.path",
        "home = os.path.join('a', 'b')",
        "from __future__ import annotations",
        "match x:\n    case 1: pass",
    ],
)
def test_found(line):
    assert findings("x = 1\n" + line)[0].line == 2


@pytest.mark.parametrize(
    "line",
    [
        "machine.deepsleep(4200000)",
        "machine.deepsleep(record.sleep_ms)",
        "sock.setblocking(False)",
        "digest = hashlib.sha256(data).digest()",
        "n = random.getrandbits(8)",
        "parts = text.split('/')",
    ],
)
def test_not_found(line):
    assert findings(line) == []


def test_the_command_names_file_and_line(tmp_path):
    (tmp_path / "bad.py").write_text("import time\nx = time.monotonic()\n")
    command = [sys.executable, "-m", "tests.lint.micropython"]
    bad = subprocess.run(
        [*command, str(tmp_path)], cwd=TOP, capture_output=True, text=True, check=False
    )
    assert bad.returncode == 1
    assert bad.stdout == (f"{tmp_path}/bad.py:2: time.monotonic: use ticks_ms() and ticks_diff()\n")
    good = subprocess.run(
        [*command, "firmware"], cwd=TOP, capture_output=True, text=True, check=False
    )
    assert (good.returncode, good.stdout) == (0, "")
