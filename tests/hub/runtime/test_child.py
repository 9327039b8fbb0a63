"""A program of ours that is kept running: pauses, its output, and that it dies with us."""

from __future__ import annotations

import asyncio
import os
import pwd
import signal
import sys
from pathlib import Path

import pytest

from hub.errors import HubError
from hub.runtime import child as module
from hub.runtime.backoff import Backoff
from hub.runtime.child import Child, lines_of, spawn
from tests.support.broker import until


class Clock:
    """Goes on by what is slept, and stops sleeping after `most` pauses."""

    def __init__(self, most: int) -> None:
        self.now, self.most = 0.0, most
        self.pauses: list[float] = []
        self.enough = asyncio.Event()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        if len(self.pauses) == self.most:
            self.enough.set()
            await asyncio.Event().wait()
        self.pauses.append(seconds)
        self.now += seconds


def child(command: str, clock: Clock, **more) -> tuple[Child, list[str]]:
    said: list[str] = []

    async def ready() -> None:
        return

    return Child(
        "a program",
        launch=lambda: spawn(["/bin/sh", "-c", command]),
        line=said.append,
        backoff=Backoff(0.2, 10.0, steady=60.0),
        clock=clock,
        sleep=clock.sleep,
        **{"ready": ready, **more},
    ), said


def test_pauses_double_until_it_ran_for_a_while():
    backoff = Backoff(0.2, 10.0, steady=60.0)
    assert [backoff.after(0) for _ in range(7)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0]
    assert [backoff.after(lasted) for lasted in (59, 60, 0, 0)] == [10.0, 0.2, 0.4, 0.8]


async def test_one_that_dies_right_after_its_start_is_started_less_and_less_often():
    clock = Clock(most=7)
    program, said = child("echo here", clock)
    await program.start()
    async with asyncio.timeout(30):
        await clock.enough.wait()
    await program.stop()
    assert clock.pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0]
    assert program.restarts == 8
    assert said == ["here"] * 8


async def test_one_that_does_not_become_ready_is_started_less_and_less_often_too():
    clock = Clock(most=5)
    errors = [KeyError("a defect"), OSError("neither")]
    first = True

    async def ready() -> None:
        nonlocal first
        if not first:
            raise errors.pop() if errors else HubError("not this time")
        first = False

    program, _ = child("exec sleep 60", clock, ready=ready)
    await program.start()
    os.kill(program.pid, signal.SIGKILL)
    async with asyncio.timeout(30):
        await clock.enough.wait()
    await program.stop()
    assert clock.pauses == [0.2, 0.4, 0.8, 1.6, 3.2]
    assert program.restarts == 1
    assert program.pid is None
    assert [defect.kind for defect in program.defects.all()] == ["KeyError"]


async def test_a_first_start_that_fails_leaves_nothing_behind():
    async def ready() -> None:
        raise HubError("no")

    program, _ = child("exec sleep 60", Clock(0), ready=ready)
    with pytest.raises(HubError):
        await program.start()
    assert program.ended
    assert program.restarts == 0


async def test_one_that_does_not_end_when_asked_is_killed():
    program, said = child("trap '' TERM; echo deaf; while :; do sleep 60; done", Clock(0))
    program._stop_s = 0.1
    await program.start()
    await until(lambda: said == ["deaf"])
    await program.stop()
    assert program._process.returncode == -signal.SIGKILL


async def test_lines_of_any_length_do_not_end_the_reading():
    stream = asyncio.StreamReader(limit=1000)
    stream.feed_data(b"a\nb" + b"x" * 300_000 + b"\nc\n\xff\nlast")
    stream.feed_eof()
    lines = [line async for line in lines_of(stream)]
    assert [lines[0], *lines[2:]] == ["a", "c", "\ufffd", "last"]
    assert len(lines[1]) == 2000


_PARENT = """
import asyncio, pwd, signal, sys
from hub.runtime.child import spawn

async def main():
    who = pwd.getpwnam(sys.argv[1]) if sys.argv[1] else None
    process = await spawn(["sleep", "600"], account=who, death_signal=signal.SIGINT)
    print(process.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")
@pytest.mark.parametrize("user", ["", *(["nobody"] if os.geteuid() == 0 else [])])
async def test_a_child_ends_when_its_parent_is_killed(user):
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PARENT, user, stdout=asyncio.subprocess.PIPE
    )
    pid = int(await parent.stdout.readline())
    status = Path(f"/proc/{pid}/status")
    await until(lambda: Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"sleep"))
    owner = pwd.getpwnam(user).pw_uid if user else os.geteuid()
    assert f"Uid:\t{owner}\t{owner}" in status.read_text()
    assert os.getpgid(pid) == pid
    parent.kill()
    await parent.wait()
    await until(lambda: not status.exists() or "State:\tZ" in status.read_text())


async def test_without_setpriv_it_runs_all_the_same_and_that_is_said(monkeypatch, caplog):
    monkeypatch.setattr(module.shutil, "which", lambda _: None)
    module._guard.cache_clear()
    try:
        for _ in range(2):
            process = await spawn(["/bin/sh", "-c", "echo here"])
            output, _ = await process.communicate()
            assert output == b"here\n"
    finally:
        module._guard.cache_clear()
    assert sum("setpriv" in record.message for record in caplog.records) == 1


async def test_a_line_that_nobody_understands_does_not_end_the_reading():
    clock = Clock(most=0)
    running, _ = child("echo one; echo two; exec sleep 60", clock)
    heard: list[str] = []

    def line(text: str) -> None:
        heard.append(text)
        raise ZeroDivisionError(text)

    running._line = line
    await running.start()
    await until(lambda: heard == ["one", "two"])
    await running.stop()
    assert [defect.kind for defect in running.defects.all()] == ["ZeroDivisionError"]
