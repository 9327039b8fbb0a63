"""An emulator that says nothing: hung, waiting for what is not sent, or without a processor."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.chip.errors import ChipFailedError
from host.chip.watch import Watch
from host.chip.wire import Wire

SPINS = "while True: pass"
WAITS = "import sys; sys.stdin.read()"
ASLEEP = 3


@contextlib.contextmanager
def process(program: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has begun its program."""
    ready, told = os.pipe()
    command = [sys.executable, "-c", f"import os; os.write({told}, b'1')\n{program}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[told]) as child:
        os.close(told)
        try:
            assert os.read(ready, 1)
            yield child
        finally:
            child.kill()
            os.close(ready)


def state(child: subprocess.Popen[bytes]) -> str:
    return Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_one_that_runs_without_a_word_hangs() -> None:
    with process(SPINS) as child:
        watch = Watch(child.pid, busy_s=0.05)
        while (wrong := watch.look()) is None:
            os.sched_yield()
    assert "hangs with its interrupts locked" in wrong


def test_what_it_did_before_its_last_word_does_not_count() -> None:
    with process(SPINS) as child:
        watch = Watch(child.pid, busy_s=0.05)
        while watch.look() is None:
            os.sched_yield()
        watch.heard()
        assert watch.look() is None


def test_one_that_waits_for_what_is_not_sent_is_named() -> None:
    with process(WAITS) as child:
        while state(child) != "S":
            os.sched_yield()
        watch = Watch(child.pid, asleep=ASLEEP)
        said = [watch.look() for _ in range(ASLEEP + 1)]
    assert said[:ASLEEP] == [None] * ASLEEP
    assert "waits for what is not sent" in str(said[ASLEEP])


def test_one_that_gets_no_processor_is_waited_for() -> None:
    with process(SPINS) as child:
        child.send_signal(signal.SIGSTOP)
        while state(child) != "T":
            os.sched_yield()
        watch = Watch(child.pid, busy_s=0.05, asleep=ASLEEP)
        assert [watch.look() for _ in range(10 * ASLEEP)] == [None] * (10 * ASLEEP)


def test_one_that_has_ended_is_the_wires_to_tell() -> None:
    with process(WAITS) as child:
        child.kill()
        child.wait()
        assert Watch(child.pid).look() is None


def test_the_wire_asks_the_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("host.chip.wire.LOOK_S", 0.0)
    with process(SPINS) as child, Wire(tmp_path / "wire") as wire:
        other = os.open(tmp_path / "wire.in", os.O_RDONLY | os.O_NONBLOCK)
        wire.open(lambda: True)
        wire.watch = Watch(child.pid, busy_s=0.05)
        with pytest.raises(ChipFailedError, match="interrupts locked"):
            wire.receive()
        os.close(other)
