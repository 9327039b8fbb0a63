"""`dormouse` as a process of its own, forked from one that has imported everything already.

Importing takes a second of a processor for each hub and half of one for each command, and a run of
all tests starts some hundreds of them. What is forked is a process like any other: it has a pid of
its own, is killed as any other, and Python's own forkserver starts it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

__all__ = ["Forked"]

_FORKSERVER = multiprocessing.get_context("forkserver")
_FORKSERVER.set_forkserver_preload(["tests.support._imported"])


class Forked:
    """A run of `dormouse`, as asyncio's Process has it; output and errors go to a file."""

    def __init__(self, arguments: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path):
        self._process = _FORKSERVER.Process(
            target=_run, args=(list(arguments), dict(env), str(cwd), str(log)), daemon=False
        )
        self._process.start()

    @property
    def pid(self) -> int:
        pid = self._process.pid
        assert pid is not None
        return pid

    @property
    def returncode(self) -> int | None:
        """The exit status; -N after signal N; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Its exit status, once it has ended."""
        loop = asyncio.get_running_loop()
        if self.returncode is None:
            ended = loop.create_future()
            loop.add_reader(self._process.sentinel, lambda: ended.done() or ended.set_result(None))
            try:
                await ended
            finally:
                loop.remove_reader(self._process.sentinel)
        self._process.join()
        assert self.returncode is not None
        return self.returncode


def _run(arguments: list[str], env: dict[str, str], cwd: str, log: str) -> None:
    """In the new process: what `python -m host` does."""
    # Whoever started the tests in the background has Ctrl-C ignored in all their children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)
    sys.argv = ["dormouse", *arguments]
    from host.__main__ import main  # noqa: PLC0415  # imported already

    main()
