"""A hub that runs as our child."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx

from contracts.local_hub import USUAL_PORTS
from host.twin.errors import HubNotReachedError, TwinError
from host.twin.hub import facts
from host.twin.progress import Progress
from host.twin.vm import end, guarded

__all__ = ["HubChild"]

# s: a hub that starts may take as long as it needs, on a slow card or an emulated processor; one
# that has neither said anything nor taken a processor for so long hangs.
_STILL_S = 60.0
_TELL_S = 10.0  # and then after twice, four times as long
_ANSWER_S = 30.0  # an emulated processor takes seconds for what others do in ms
_STOP_S = 4.0  # of the five seconds in which Ctrl-C ends everything
_POLL_S = 0.1

# The demonstration must not write into somebody's real database or broker.
_NOT_HANDED_ON = (
    *("DATABASE_URL", "DATABASE_DIRECT_URL", "STANDBY"),
    *("MQTT_URL", "TENANT", "ENROLMENT"),
)


class HubChild:
    """A hub of our own, with its data in `data_dir`, as long as the context lasts."""

    def __init__(self, data_dir: Path, told: Callable[[str], None] = lambda _: None) -> None:
        """`told` is called with a line while the hub takes long to start."""
        self.data_dir, self._told = data_dir, told
        self.started_in = 0.0
        """Seconds that its start took: how fast this machine is."""
        self.facts: dict[str, Any] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._client: httpx.AsyncClient | None = None

    @property
    def log(self) -> Path:
        """What the hub prints."""
        return self.data_dir.with_name("hub.log")

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.touch(mode=0o600)  # the hub prints a link for its first administrator
        with self.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *guarded(sys.executable, "-m", "host", "hub", *self._flags(), end="TERM"),
                env=_environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                # Ctrl-C in the terminal reaches us alone; we end the hub in order.
                process_group=0,
            )
        await self._until_up(Progress(self._process.pid, self.log))
        transport = httpx.AsyncHTTPTransport(uds=self.facts["control"])
        self._client = httpx.AsyncClient(
            transport=transport, base_url="http://hub/api", timeout=_ANSWER_S
        )

    async def _until_up(self, progress: Progress) -> None:
        """Wait for as long as it gets on. Raises TwinError when it does not, or has ended."""
        tell_at = _TELL_S
        while not self._is_up():
            if progress.still_s() > _STILL_S:
                raise TwinError(
                    f"the hub has not got on for {_STILL_S:.0f} s at its start (see {self.log}): "
                    f"{progress.last_line() or 'it has said nothing'}"
                )
            if progress.running_s >= tell_at:
                tell_at *= 2
                self._told(
                    f"the hub is still starting, for {progress.running_s:.0f} s: "
                    f"{progress.last_line() or 'its libraries are loaded'}"
                )
            await asyncio.sleep(_POLL_S)
        self.started_in = progress.running_s

    def _flags(self) -> list[str]:
        """The usual ports where they are free, unless the environment names others."""
        flags = ["--data-dir", str(self.data_dir)]
        for name, usual in USUAL_PORTS.items():
            if f"DORMOUSE_{name.upper()}" in os.environ:
                continue
            flags += [f"--{name.replace('_', '-')}", str(usual if _is_free(usual) else 0)]
        return flags

    def _is_up(self) -> bool:
        """Whether this very hub has written its hub.json. Raises TwinError when it has ended."""
        self.check()
        with contextlib.suppress(HubNotReachedError):
            self.facts = facts(self.data_dir)
        return self._process is not None and self.facts.get("pid") == self._process.pid

    def check(self) -> None:
        """Raise TwinError, with the hub's last words, when it does not run any more."""
        if self._process is None or self._process.returncode is not None:
            last = self.log.read_text(errors="replace").strip().splitlines()[-3:]
            raise TwinError(f"the hub ended by itself (see {self.log}): {' / '.join(last)}")

    async def status(self) -> dict[str, Any]:
        """What the hub says of its devices; no devices when it cannot say just now."""
        self.check()
        if self._client is None:
            raise HubNotReachedError
        try:
            answer = await self._client.get("/status")
            answered: dict[str, Any] = answer.raise_for_status().json()
        except httpx.HTTPError:
            return {"devices": []}
        return answered

    async def first_link(self) -> str | None:
        """A one-time link to the dashboard; None when somebody has used one already."""
        self.check()
        if self._client is None:
            raise HubNotReachedError
        try:
            answer = await self._client.post("/people/first")
            url: str | None = answer.raise_for_status().json()["url"]
        except httpx.HTTPError:
            raise HubNotReachedError from None
        return url

    async def stop(self) -> None:
        """End the hub, by force when it takes too long."""
        if self._client is not None:
            await self._client.aclose()
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(TimeoutError, ProcessLookupError):
            async with asyncio.timeout(_STOP_S):
                os.kill(process.pid, signal.SIGTERM)
                await process.wait()
        await end(process)


def _environment() -> dict[str, str]:
    barred = {f"DORMOUSE_{name}" for name in _NOT_HANDED_ON}
    return {name: value for name, value in os.environ.items() if name not in barred}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("", port))
            return True
    return False
