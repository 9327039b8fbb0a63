"""Server processes of ours (Postgres, the broker) that live no longer than the hub does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pwd
import shutil
import signal
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import cache
from pathlib import Path

from hub.errors import HubError, SettingsError
from hub.runtime.backoff import Backoff
from hub.runtime.defects import Defects
from hub.runtime.log_events import EVENTS

__all__ = ["Account", "Child", "lines_of", "run_as", "spawn"]

log = logging.getLogger(__name__)

Account = pwd.struct_passwd

# A line longer than this is cut: a client chooses the topic that a broker writes into its log.
_LONGEST_LINE = 2000
_LAST_WORDS_S = 1.0


def run_as(name: str) -> Account | None:
    """The account to run children as: None unless we are root.

    Raises SettingsError when the named user is unknown or root itself.
    """
    if os.geteuid() != 0:
        return None
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        raise SettingsError(f"DORMOUSE_RUN_AS={name}: no such user on this machine") from None
    if account.pw_uid == 0:
        raise SettingsError(f"DORMOUSE_RUN_AS={name}: Postgres refuses to run as root")
    return account


@cache
def _guard() -> str | None:
    """util-linux's setpriv; without it (macOS has none) a child outlives a hub that is killed."""
    guard = shutil.which("setpriv") if sys.platform == "linux" else None
    if guard is None:
        log.warning(
            "there is no setpriv on this machine: Postgres and the broker go on "
            "if the hub is killed, until the next start ends them"
        )
    return guard


async def spawn(
    argv: Sequence[str | Path],
    *,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    output: int = asyncio.subprocess.PIPE,
) -> asyncio.subprocess.Process:
    """Start a child, as `account` when given, with standard output and error together in a pipe.

    On Linux the child gets `death_signal` when the hub dies, however it dies. It has a process
    group of its own, so that Ctrl-C in the terminal reaches the hub alone, which ends its children
    in order.
    """
    identity: dict[str, object] = {}
    if account is not None:
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    guard = _guard()
    # setpriv runs as `account` already: a change of user would clear what it sets.
    prefix = [guard, "--pdeathsig", death_signal.name.removeprefix("SIG")] if guard else []
    return await asyncio.create_subprocess_exec(
        *prefix,
        *map(str, argv),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=asyncio.subprocess.STDOUT,
        cwd=cwd,
        env=env,
        process_group=0,
        **identity,  # type: ignore[arg-type]
    )


async def lines_of(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """The lines of a child's output until it ends; a very long one is cut.

    By the piece, not by the line: a line too long for the reader would end it, and a pipe that
    nobody empties stops the child.
    """
    rest = b""
    while piece := await stream.read(65536):
        *lines, rest = (rest + piece).split(b"\n")
        rest = rest[:65536]
        for raw in lines:
            yield raw[:_LONGEST_LINE].decode("utf-8", "replace").rstrip()
    if rest:
        yield rest[:_LONGEST_LINE].decode("utf-8", "replace").rstrip()


class Child:
    """A program that is kept running from `start` to `stop`, whatever ends it.

    `launch` starts the process (see `spawn`); `ready` returns once it does its work, and raises a
    HubError or OSError when it does not. Each line that it writes is handed to `line`; the last
    ones are in `last_lines`. `stop_signal` asks it to end, and after `stop_s` seconds it is killed.
    A program that ends is started again after the pauses of `backoff`.
    """

    def __init__(
        self,
        name: str,
        *,
        launch: Callable[[], Awaitable[asyncio.subprocess.Process]],
        ready: Callable[[], Awaitable[None]],
        line: Callable[[str], None],
        backoff: Backoff,
        stop_signal: signal.Signals = signal.SIGTERM,
        stop_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self._launch, self._ready, self._line = launch, ready, line
        self._backoff = backoff
        self._stop_signal, self._stop_s = stop_signal, stop_s
        self._clock, self._sleep = clock, sleep
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._began = 0.0
        self.defects = Defects()
        """What nothing foresaw while it was started again."""
        self.last_lines: deque[str] = deque(maxlen=40)
        self.restarts = 0
        """How often it ended by itself."""

    @property
    def pid(self) -> int | None:
        """Of the running process; None while it is down."""
        return self._process.pid if self._process is not None and not self.ended else None

    @property
    def ended(self) -> bool:
        """Whether the process that was started last has ended."""
        return self._process is not None and self._process.returncode is not None

    @property
    def ended_with(self) -> int | None:
        """Its status; None while it runs, or never did."""
        return self._process.returncode if self._process is not None else None

    async def start(self) -> None:
        """Returns when it is ready. Raises what `ready` raises, and then nothing is left of it."""
        await self._begin()
        self._watch = asyncio.create_task(self._keep_running(), name=self.name)

    async def stop(self) -> None:
        """End it, and start it no more."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        await self._end()

    async def exited(self) -> None:
        """Until the process has ended and what it wrote was handed to `line`."""
        if self._process is not None:
            await self._process.wait()
        if self._reader is not None:
            # Its own children may hold the pipe open for longer.
            await asyncio.wait([self._reader], timeout=_LAST_WORDS_S)
            self._reader.cancel()

    async def _begin(self) -> None:
        self.last_lines.clear()
        self._began = self._clock()
        self._process = await self._launch()
        self._reader = asyncio.create_task(self._read(self._process), name=f"{self.name} log")
        try:
            await self._ready()
        except BaseException:
            await self._end()
            raise

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            return
        async for line in lines_of(process.stdout):
            self.last_lines.append(line)
            try:
                self._line(line)
            except Exception as error:  # noqa: BLE001  # noted: a pipe that nobody reads stops the child
                self.defects.note(f"reading what {self.name} says", error)

    async def _keep_running(self) -> None:
        while True:
            await self.exited()
            self.restarts += 1
            pause = self._backoff.after(self._clock() - self._began)
            status = self._process.returncode if self._process is not None else None
            EVENTS.server_ended.log(part=self.name, exit=status, seconds=round(pause, 1))
            await self._sleep(pause)
            await self._begin_again()

    async def _begin_again(self) -> None:
        while True:
            try:
                await self._begin()
            except (HubError, OSError) as error:
                log.error("%s did not start again: %s", self.name, error)  # noqa: TRY400  # one line says it
            except Exception as error:  # noqa: BLE001  # noted: a defect must not leave it down for ever
                self.defects.note(f"starting {self.name}", error)
            else:
                return
            await self._sleep(self._backoff.after(0))

    async def _end(self) -> None:
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                # Not its own send_signal: that polls, and may reap the child before asyncio does.
                os.kill(process.pid, self._stop_signal)
            try:
                async with asyncio.timeout(self._stop_s):
                    await process.wait()
            except TimeoutError:
                # With what it has started: it leads a group of its own.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
