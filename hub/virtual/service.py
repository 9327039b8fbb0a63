"""Three virtual sensors of the real firmware beside a hub, to try it without a board."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from hub.errors import HubError
from hub.mqtt.enrolment import EnrolmentGate
from hub.runtime.backoff import Backoff
from hub.runtime.child import Child, spawn
from hub.settings import Settings

__all__ = ["NoVirtualSensorsError", "VirtualSensors"]

log = logging.getLogger(__name__)

_EVERY_S = 10  # a first value within seconds, and little to do for a Pi
_JOIN_MIN = 5.0
_ANYWHERE = {"", "0.0.0.0", "::"}  # compared, not listened on


class NoVirtualSensorsError(HubError):
    """This installation has no virtual sensors, or its broker is not the hub's own: `dormouse twin` runs some on any computer."""  # noqa: E501  # the docstring is the message

    http_status = 409


class VirtualSensors:
    """They run from `begin` until `stop`, or the hub's end: `dormouse twin` as a child of the hub.

    Their folder `virtual` stays, so that they are the same devices the next time. `ports` are the
    broker's: `mqtt` and `enrol`.
    """

    COUNT = 3

    def __init__(
        self, settings: Settings, gate: EnrolmentGate, ports: Callable[[], Mapping[str, int]]
    ) -> None:
        self._settings, self._gate, self._ports = settings, gate, ports
        self._child: Child | None = None
        self._one = asyncio.Lock()

    @property
    def available(self) -> bool:
        """Whether they can be run here."""
        return find_spec("host") is not None and {"mqtt", "enrol"} <= self._ports().keys()

    @property
    def running(self) -> bool:
        """Whether they were begun and not stopped."""
        return self._child is not None

    @property
    def last_line(self) -> str:
        """What they said last; empty where they said nothing."""
        lines = self._child.last_lines if self._child is not None else ()
        return lines[-1] if lines else ""

    async def start(self) -> None:
        """Nothing: they begin when somebody asks."""

    async def begin(self, tenant: str) -> None:
        """Begin; they join `tenant`. Raises NoVirtualSensorsError."""
        if not self.available:
            raise NoVirtualSensorsError
        async with self._one:
            if self._child is not None:
                return
            self._gate.open_window(tenant, _JOIN_MIN)
            child = Child(
                "virtual sensors",
                launch=self._launch,
                ready=self._ready,
                line=lambda text: log.debug("virtual sensors: %s", text),
                backoff=Backoff(5.0, 300.0, 60.0),
                stop_signal=signal.SIGTERM,
            )
            await child.start()
            self._child = child
            log.info("%d virtual sensors were begun for %s", self.COUNT, tenant)

    async def stop(self) -> None:
        """End them; what they said stays."""
        async with self._one:
            if self._child is not None:
                await self._child.stop()
                self._child = None

    async def _launch(self) -> asyncio.subprocess.Process:
        settings, ports = self._settings, self._ports()
        folder = settings.data_dir.absolute() / "virtual"  # below it, wherever they run
        folder.mkdir(mode=0o700, exist_ok=True)
        host = "127.0.0.1" if settings.host in _ANYWHERE else settings.host
        # Settings of the hub, its secrets among them, are none of theirs.
        kept = {k: v for k, v in os.environ.items() if not k.startswith("DORMOUSE_")}
        return await spawn(
            [
                sys.executable, "-m", "host", "twin", "--count", str(self.COUNT),
                "--interval", str(_EVERY_S), "--hub", host, "--port", str(ports["mqtt"]),
                "--enrol-port", str(ports["enrol"]), "--folder", folder, "--json",
            ], cwd=_home_of_commands(), env=kept,
        )  # fmt: skip

    async def _ready(self) -> None:
        """They are heard when they are: nothing waits for it."""


def _home_of_commands() -> Path | None:
    spec = find_spec("host")
    return None if spec is None or spec.origin is None else Path(spec.origin).parents[1]
