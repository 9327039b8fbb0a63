"""One mosquitto process: started, watched, restarted, its log in ours."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import re
import shutil
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from hub.mqtt.account_files import replace_private
from hub.mqtt.errors import AddressAwayError, BrokerError, BrokerPortTakenError
from hub.mqtt.ports import free_port, holder, is_taken
from hub.runtime.backoff import Backoff
from hub.runtime.child import Account as Owner
from hub.runtime.child import Child, spawn
from hub.runtime.listening import is_here

__all__ = ["Mosquitto", "check_version", "find_mosquitto"]

log = logging.getLogger("hub.mqtt.broker")

INSTALL = "install it with `sudo apt install mosquitto` (2.0 or newer)"
OLDEST = (2, 0)
# Debian keeps it where an ordinary user's PATH does not look.
SBIN = "/usr/sbin:/usr/local/sbin"
# Bytes, what an ordinary user may ask of Linux: the connections of 3000 devices.
_PIPE = 1024 * 1024


class AddressInUseError(BrokerError):
    """mosquitto did not start: one of its ports is in use."""


class Mosquitto:
    """One mosquitto process: started, watched, restarted with back-off, its log in ours.

    `ports` are its listeners by name; 0 picks a free one. `config` is a template with `{name}` of
    each port and of `values`, which are asked for whenever it is written, and `{host}`. `store` is
    the file that it keeps its messages in: one that it cannot read, or dies of, is set aside.
    `heard` gets each line of its log. `prepare` is called before each start, and its OSError told.
    """

    # s: first and longest pause before it is started again, and how long it must have run for the
    # first one to count anew. Devices notice a broker that is away for more than a few seconds.
    BACKOFF = (0.2, 10.0, 10.0)
    START_S = 10.0
    # The largest store that the queue's bounds allow is written in about 2 s.
    ENDING_S = 4.0
    STOP_S = 3.0
    # A newer mosquitto's store may have a few chunks that an older one does not know. Zeros at its
    # end, as a power cut leaves them, are one every 8 bytes: a line each, and no start in time.
    UNKNOWN = 20

    def __init__(
        self,
        name: str,
        folder: Path,
        config: str,
        *,
        host: str,
        ports: dict[str, int],
        owner: Owner | None,
        store: Path | None = None,
        heard: Callable[[str], None] | None = None,
        values: Callable[[], Mapping[str, int]] = dict,
        prepare: Callable[[], object] = lambda: None,
    ) -> None:
        self._store, self._heard, self._values = store, heard, values
        self._prepare = prepare
        self._suspect, self._unknown = False, 0
        self._log = log.getChild(name)
        self._path = folder / f"{name}.conf"
        self._config = config
        self._host = host
        self._owner = owner
        self._begun_with: Mapping[str, int] = {}
        self._any = [listener for listener, port in ports.items() if port == 0]
        self._ready = self._stale = False
        self._running = asyncio.Event()
        self._errors: list[str] = []
        self.child = Child(
            f"mosquitto ({name})",
            launch=self._launch,
            ready=self._until_running,
            line=self._note,
            backoff=Backoff(*self.BACKOFF),
            stop_s=self.STOP_S,
        )
        self.ports = dict(ports)

    async def start(self) -> None:
        """Returns when it accepts connections.

        Raises BrokerError; AddressAwayError when it may be started later.
        """
        await self._let_predecessor_end()
        for attempt in range(5 if self._any else 1):
            for listener in self._any:
                # Kept from a start that had no address yet: others were told of it.
                if attempt or not self.ports[listener]:
                    self.ports[listener] = free_port(self._host)
            try:
                await self._start_child()
            except AddressInUseError:
                continue  # somebody was quicker
            return
        taken = [port for port in self.ports.values() if is_taken(self._host, port)]
        raise BrokerPortTakenError(taken[0] if taken else self.ports.popitem()[1])

    async def _start_child(self) -> None:
        """Start; where it may have failed of the store, once more without it.

        Where it was not the store, that is put back. Raises BrokerError.
        """
        try:
            await self.child.start()
        except (AddressInUseError, AddressAwayError):
            raise
        except BrokerError:
            if (aside := self._set_aside()) is None:
                raise
            try:
                await self.child.start()
            except AddressInUseError:
                # Somebody took the port meanwhile; what the first start failed of was the store.
                raise
            except BrokerError:
                self._put_back(aside)
                raise

    def _put_back(self, aside: Path) -> None:
        aside.rename(aside.with_suffix(""))

    def _set_aside(self) -> Path | None:
        """Move a store away that a start may have failed of; where to."""
        if not self._suspect or self._store is None:
            return None
        self._suspect = False
        aside = self._store.with_name(f"{self._store.name}.damaged")
        try:
            if not self._store.stat().st_size:
                return None
            self._store.replace(aside)
        except OSError:
            return None
        self._log.error(
            "mosquitto does not start with %s (%s): set aside as %s. Devices send again what the "
            "database has not acknowledged; commands and retained values that waited are lost",
            self._store.name,
            " ".join(self._errors) or "it gave no reason",
            aside.name,
        )
        return aside

    async def _let_predecessor_end(self) -> None:
        """A hub that was killed has a broker that still writes what it persists."""
        fixed = [port for name, port in self.ports.items() if name not in self._any]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.ENDING_S):
                # Another process ends without telling us.
                while any((holder(port) or "").startswith("mosquitto ") for port in fixed):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """End it; it saves what it persists."""
        await self.child.stop()

    @property
    def outgrown(self) -> bool:
        """Whether a value must be larger than at its start, which no reload changes."""
        begun = self._begun_with
        return any(value > begun.get(name, value) for name, value in self._values().items())

    async def restart(self) -> None:
        """End it and start it with what its configuration is to be now, as soon as it can be."""
        await self.child.stop()
        pauses = Backoff(*self.BACKOFF)
        while True:
            try:
                await self.child.start()
            except BrokerError as error:
                self._log.error("%s", error)
                await asyncio.sleep(pauses.after(0))
            else:
                return

    def drop(self) -> None:
        """End it; it begins anew by itself, without what it kept in memory alone."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    @property
    def port(self) -> int:
        """Of its first listener."""
        return next(iter(self.ports.values()))

    @property
    def pid(self) -> int | None:
        """Of the running process; None while it is down."""
        return self.child.pid

    def write(self) -> None:
        """Write its configuration. Raises OSError."""
        text = self._config.replace("{host}", "" if self._host == "::" else self._host)
        for name, value in {**self.ports, **self._values()}.items():
            text = text.replace(f"{{{name}}}", str(value))
        replace_private(self._path, [text], self._owner)

    def reload(self) -> None:
        """Have it read its configuration, password and ACL files again.

        While it starts the signal would end it, or reach the one before: it is sent afterwards.
        """
        self._stale = True
        if self._ready and self.pid is not None:
            self._stale = False
            with contextlib.suppress(ProcessLookupError):  # it has just ended: the next reads them
                os.kill(self.pid, signal.SIGHUP)

    async def _launch(self) -> asyncio.subprocess.Process:
        if not is_here(self._host):
            raise AddressAwayError(self._host)
        if any(is_taken(self._host, port) for port in self.ports.values()):
            raise AddressInUseError
        self._begun_with = dict(self._values())
        self.write()
        program = find_mosquitto()
        self._set_aside()
        try:
            self._prepare()
        except OSError as error:
            self._log.warning("its store is as it was: %s", error)
        self._ready = self._stale = False
        self._running.clear()
        self._errors.clear()
        self._unknown = 0
        # Its folder is closed to others: should it dump its memory, that is there.
        process = await spawn(
            [program, "-c", self._path], account=self._owner, cwd=self._path.parent
        )
        _widen(process.pid)
        return process

    async def _until_running(self) -> None:
        """Until it says that it runs. Raises BrokerError with the reason it gave."""
        exited = asyncio.create_task(self.child.exited())
        running = asyncio.create_task(self._running.wait())
        try:
            await asyncio.wait(
                [exited, running], timeout=self.START_S, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in (exited, running):
                task.cancel()
            await asyncio.gather(exited, running, return_exceptions=True)
        if not self._running.is_set():
            raise self._failure()
        self._ready = True
        if self._stale:
            self.reload()

    def _failure(self) -> BrokerError:
        if not self.child.ended:
            return BrokerError("mosquitto did not start: it never reported that it runs")
        reason = " ".join(self._errors) or "no reason given"
        if "in use" in reason:
            return AddressInUseError()
        self._suspect = not self._errors or "database" in reason or "memory" in reason
        return BrokerError(f"mosquitto did not start: {reason}")

    def _note(self, line: str) -> None:
        # Before it has read its configuration it puts a time before each line.
        if line[:1].isdecimal():
            line = re.sub(r"^\d{10}: ", "", line)
        self._log.debug("%s", line)
        if self._heard is not None:
            self._heard(line)
        if line.endswith(" running"):
            self._running.set()
        elif not self._ready and line.startswith("Warning: Unsupported chunk"):
            self._note_unknown(line)
        elif line.startswith("Warning:") and "ersisten" in line:
            self._log.warning("%s", line)
        elif line.startswith("Error") and not self._ready:
            self._errors.append(line.removeprefix("Error: "))

    def _note_unknown(self, line: str) -> None:
        """Something in its store that it passes over; of a damaged one it may be without end."""
        self._unknown += 1
        if self._unknown < self.UNKNOWN:
            self._log.warning("%s", line)
        elif self._unknown == self.UNKNOWN:
            self._errors.append("much in its database is nothing that it knows")
            if self.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)  # it hears nothing else while it reads


def _widen(pid: int) -> None:
    """Have a child's output wait in a larger pipe: it stands still when that is full.

    It says something at each connection, and the hub may be busy for a while.
    """
    with contextlib.suppress(OSError):
        pipe = os.open(f"/proc/{pid}/fd/2", os.O_RDONLY | os.O_NONBLOCK)
        try:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
        finally:
            os.close(pipe)


def find_mosquitto() -> str:
    """Its path. Raises BrokerError when it is not installed."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path=SBIN)
    if program is None:
        raise BrokerError(f"mosquitto is not installed: {INSTALL}")
    return program


async def check_version() -> tuple[int, int, int]:
    """The installed version. Raises BrokerError when it is missing or too old."""
    program = find_mosquitto()
    process = await spawn([program, "-h"])
    output, _ = await process.communicate()
    match = re.search(rb"mosquitto version (\d+)\.(\d+)(?:\.(\d+))?", output)
    if match is None:
        raise BrokerError(f"{program} does not say its version: {INSTALL}")
    version = int(match[1]), int(match[2]), int(match[3] or 0)
    if version < OLDEST:
        raise BrokerError(f"{program} is version {version[0]}.{version[1]}: {INSTALL}")
    return version
