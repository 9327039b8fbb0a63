"""One mosquitto process: started, watched, restarted, its log in ours."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import shutil
import signal
from pathlib import Path

from hub.mqtt.account_files import replace_private
from hub.mqtt.errors import BrokerError, PortTakenError
from hub.mqtt.ports import free_port, holder, is_taken
from hub.runtime.child import Account as Owner
from hub.runtime.child import spawn

__all__ = ["Mosquitto", "check_version"]

log = logging.getLogger("hub.mqtt.broker")

INSTALL = "install it with `sudo apt install mosquitto` (2.0 or newer)"
OLDEST = (2, 0)
# Debian keeps it where an ordinary user's PATH does not look.
SBIN = "/usr/sbin:/usr/local/sbin"


class Mosquitto:
    """One mosquitto process: started, watched, restarted with back-off, its log in ours.

    `ports` are its listeners by name; 0 picks a free one. `config` is a template with `{name}` of
    each port and `{host}`.
    """

    BACKOFF = (0.2, 10.0)
    START_S = 10.0
    # The largest store that the queue's bounds allow is written in about 2 s.
    ENDING_S = 4.0

    def __init__(
        self,
        name: str,
        folder: Path,
        config: str,
        *,
        host: str,
        ports: dict[str, int],
        owner: Owner | None,
    ) -> None:
        self._log = log.getChild(name)
        self._path = folder / f"{name}.conf"
        self._config = config
        self._host = host
        self._owner = owner
        self._any = [listener for listener, port in ports.items() if port == 0]
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._ready = self._stale = False
        self.ports = dict(ports)

    async def start(self) -> None:
        """Returns when it accepts connections. Raises BrokerError."""
        await self._let_predecessor_end()
        for _attempt in range(5 if self._any else 1):
            self.ports.update({listener: free_port(self._host) for listener in self._any})
            said = await self._spawn()
            if said is None:
                self._watcher = asyncio.create_task(self._watch())
                return
            if "in use" not in said:
                raise BrokerError(f"mosquitto did not start: {said}")
        taken = [port for port in self.ports.values() if is_taken(self._host, port)]
        raise PortTakenError(taken[0] if taken else self.ports.popitem()[1])

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
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        await self._end()

    @property
    def port(self) -> int:
        """Of its first listener."""
        return next(iter(self.ports.values()))

    @property
    def pid(self) -> int | None:
        """Of the running process; None while it is down."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def reload(self) -> None:
        """Have it read its password and ACL files again.

        While it starts the signal would end it, or reach the one before: it is sent afterwards.
        """
        self._stale = True
        if self._ready and self.pid is not None:
            self._stale = False
            os.kill(self.pid, signal.SIGHUP)

    async def _spawn(self) -> str | None:
        """Start the process; None when it runs, otherwise the reason it gave."""
        if any(is_taken(self._host, port) for port in self.ports.values()):
            return "address in use"
        text = self._config.replace("{host}", self._host)
        for listener, port in self.ports.items():
            text = text.replace(f"{{{listener}}}", str(port))
        replace_private(self._path, [text], self._owner)
        program = find_mosquitto()
        self._ready = self._stale = False
        self._process = await spawn([program, "-c", self._path], account=self._owner)
        try:
            async with asyncio.timeout(self.START_S):
                said = await self._running()
        except TimeoutError:
            await self._end()
            return "it did not say that it runs"
        self._ready = said is None
        if self._stale:
            self.reload()
        return said

    async def _running(self) -> str | None:
        """Reads its log until it runs (None) or has ended (what it said last)."""
        said: list[str] = []
        while line := await self._line():
            if line.endswith(" running"):
                return None
            if line.startswith("Error"):
                said.append(line.removeprefix("Error: "))
        if self._process is not None:
            await self._process.wait()
        return " ".join(said) or "no reason given"

    async def _line(self) -> str:
        """The next line of its log; empty when it has ended."""
        if self._process is None or self._process.stdout is None:
            return ""
        while True:
            try:
                raw = await self._process.stdout.readline()
            except ValueError:  # longer than the reader's limit: a topic in a message
                continue
            if not raw:
                return ""
            # Before it has read its configuration it puts a time before each line.
            if line := re.sub(r"^\d{10}: ", "", raw.decode(errors="replace").strip()):
                self._log.debug("%s", line)
                return line

    async def _watch(self) -> None:
        shortest, longest = self.BACKOFF
        delay = shortest
        while True:
            while await self._line():
                delay = shortest
            if self._process is not None:
                status = await self._process.wait()
                self._log.warning("mosquitto ended (status %d); starting it again", status)
            while (said := await self._spawn()) is not None:
                self._log.error("mosquitto did not start again: %s", said)
                await asyncio.sleep(delay)
                delay = min(delay * 2, longest)

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(3):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def find_mosquitto() -> str:
    """Its path. Raises BrokerError when it is not installed."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path=SBIN)
    if found is None:
        raise BrokerError(f"mosquitto is not installed: {INSTALL}")
    return found


async def check_version() -> None:
    """Raises BrokerError when mosquitto is missing or too old."""
    program = find_mosquitto()
    process = await spawn([program, "-h"])
    output, _ = await process.communicate()
    found = re.search(rb"mosquitto version (\d+)\.(\d+)", output)
    if found is None:
        raise BrokerError(f"{program} does not say its version: {INSTALL}")
    version = int(found[1]), int(found[2])
    if version < OLDEST:
        raise BrokerError(f"{program} is version {version[0]}.{version[1]}: {INSTALL}")
