"""Ctrl-C in a terminal for `dormouse hub` and `dormouse demo`, at every moment of their life.

The terminal sends it to all that run in it. It ends everything, in order, with one status and no
traceback; what is in the data folder is whole, and the next start finds it.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from hub.database.binaries import locate
from tests.support.broker import open_folder
from tests.system.test_demo import ended

ROOT = Path(__file__).resolve().parents[2]
# As the installed program begins.
PROGRAM = ["-c", "from host.start import main; main()"]
LIMIT_S = 120


class Terminal:
    """A command in a terminal of its own: what it prints, and its status once it has ended."""

    def __init__(self, command: str, data: Path) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("DORMOUSE_")}
        ports = {f"DORMOUSE_{n}_PORT": "0" for n in ("HTTP", "MQTT", "MQTTS", "ENROL", "HAP")}
        local = {"DORMOUSE_HOST": "127.0.0.1", "DORMOUSE_OTA_BROADCAST": ""}
        self.data = data
        self.shown = ""
        self._child = pexpect.spawn(
            sys.executable,
            [*PROGRAM, command, "--data-dir", str(data)],
            env={**kept, **ports, **local, "PYTHONPATH": str(ROOT)},
            encoding="utf-8",
            codec_errors="replace",  # the terminal echoes ^C even within a character
            dimensions=(40, 120),
            timeout=LIMIT_S,
        )

    @property
    def pid(self) -> int:
        return self._child.pid

    def until(self, condition: Callable[[], bool]) -> None:
        """Read what it prints until something is so."""
        end = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < end, self.shown
            try:
                self.shown += self._child.read_nonblocking(65536, 0.01)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                assert condition(), self.shown
                return

    def control_c(self) -> None:
        self._child.sendintr()

    def end(self) -> int:
        """Its exit status, when it has ended and nothing of it is left."""
        self._child.expect(pexpect.EOF)
        self.shown += self._child.before or ""
        self._child.close()
        assert self._child.signalstatus is None, self.shown
        assert "Traceback" not in self.shown, self.shown
        assert "Exception ignored" not in self.shown, self.shown
        assert "FATAL" not in self.shown, self.shown
        assert ended(str(self.data), within=LIMIT_S)
        assert not list(self.data.rglob("postmaster.pid"))
        assert not list(self.data.rglob("hub.json"))
        for version in self.data.rglob("postgres/cluster/data/PG_VERSION"):
            said = subprocess.run(
                [locate() / "pg_controldata", version.parent],
                capture_output=True, text=True, check=True, env={"LC_ALL": "C"},
            )  # fmt: skip
            assert re.search(r"^Database cluster state: +shut down$", said.stdout, re.MULTILINE)
        return self._child.exitstatus


@pytest.fixture
def folder(empty_hub):
    """The data folder of a hub that ran before, at a path of its own."""
    with open_folder() as place:
        subprocess.run(["cp", "-a", empty_hub, place / "data"], check=True)
        yield place / "data"


def is_loading(terminal: Terminal) -> bool:
    """Whether it loads its libraries: one of the first that are no Python is there."""
    with contextlib.suppress(OSError):
        return "pydantic_core" in Path(f"/proc/{terminal.pid}/maps").read_text()
    return False


@pytest.mark.parametrize("command", ["hub", "demo"])
def test_while_its_libraries_are_loaded(command, tmp_path):
    terminal = Terminal(command, tmp_path / "data")
    terminal.until(lambda: is_loading(terminal))
    terminal.control_c()
    assert terminal.end() == 130
    assert terminal.shown.replace("^C", "").strip() == "dormouse: interrupted"


def test_a_hub_while_it_starts_while_it_runs_and_while_it_ends(folder):
    """It says that it heard; impatience changes nothing; the next start finds all as it was."""
    postmaster = folder / "postgres/cluster/data/postmaster.pid"
    starting = Terminal("hub", folder)
    starting.until(postmaster.exists)
    starting.control_c()
    starting.until(lambda: "the hub ends as soon as it has started" in starting.shown)
    starting.control_c()
    assert starting.end() == 0
    assert starting.shown.count("the hub ends as soon as it has started") == 1

    running = Terminal("hub", folder)
    running.until(lambda: "Pair in the Home app" in running.shown)
    for _ in range(5):
        running.control_c()
    assert running.end() == 0
