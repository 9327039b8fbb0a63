"""A board on a USB cable: a serial port (a pty) with the firmware's VM and its prompt behind it.

The prompt is MicroPython's own: the unix port has the raw REPL and raw paste mode that mpremote
speaks. What is made here is the chip around it: power, resets and deep sleep start the program
again, and while it sleeps nobody listens to the port.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import random
import termios
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host.twin import vm
from host.twin.firmware import Build
from host.twin.vm import Cause

_MAIN = ("-m", "main")


class PromptBoard:
    """A board with the given compiled firmware; without `installed` MicroPython alone is on it."""

    def __init__(self, folder: Path, build: Build, chip: int, *, installed: bool) -> None:
        self.folder = folder
        self.build = build
        self.chip = chip
        self.installed = installed
        self.world: dict[str, Any] = {"wifi": {"ssid": "house", "key": "rosebud 1941"}}
        self.heard = bytearray()
        self.port = ""
        self.boots: list[Cause] = []
        self._slept = asyncio.Event()
        self._roused = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self._open: list[int] = []
        self._to_vm: int | None = None

    @property
    def id(self) -> str:
        return f"esp8266_{self.chip:08x}"

    @property
    def flash(self) -> Path:
        return self.folder / "flash"

    @property
    def settings(self) -> dict[str, Any]:
        """What is on its flash."""
        return json.loads((self.flash / "settings.json").read_text())

    def write_settings(self, **settings: Any) -> None:
        (self.flash / "settings.json").write_text(json.dumps(settings))

    def write_world(self, **changes: Any) -> None:
        self.world |= changes
        fresh = self.folder / "world.fresh"
        # As it is: MicroPython's json takes \ud83d\ude00 for two characters.
        fresh.write_text(json.dumps(self.world, ensure_ascii=False))
        fresh.replace(self.folder / "world.json")

    async def start(self, settings: dict[str, Any] | None = None) -> None:
        """Plug it in, with settings on its flash or without."""
        self.flash.mkdir(parents=True)
        if settings is not None:
            self.write_settings(**settings)
        self.write_world()
        self._master, slave = pty.openpty()
        self._open += [self._master, slave]
        tty.setraw(slave)
        os.set_blocking(self._master, False)
        self.port = os.ttyname(slave)
        asyncio.get_running_loop().add_reader(self._master, self._from_port)
        self._life = asyncio.create_task(self._live())

    async def stop(self) -> None:
        """Unplug it."""
        if self._life:
            self._life.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._life
            asyncio.get_running_loop().remove_reader(self._master)
            self._life = None
        while self._open:
            os.close(self._open.pop())

    async def asleep(self, within: float = 60) -> None:
        """Return when it is asleep."""
        async with asyncio.timeout(within):
            await self._slept.wait()

    def press_reset(self) -> None:
        """End its sleep."""
        self._roused.set()

    async def _live(self) -> None:
        cause = Cause.POWER
        while True:
            self.boots.append(cause)
            status = await self._run(_MAIN, cause) if self._starts() else 0
            if status not in {vm.ASLEEP, vm.RESET}:
                # The program ended or was interrupted: the prompt.
                status = await self._run((), cause)
            cause = Cause.SOFT
            if status == vm.ASLEEP:
                self._slept.set()
                await self._roused.wait()
                self._roused.clear()
                self._slept.clear()
                cause = Cause.HARD

    def _starts(self) -> bool:
        return self.installed or (self.flash / "main.mpy").exists()

    async def _run(self, program: tuple[str, ...], cause: Cause) -> int:
        """One life of the VM behind the port; its exit status."""
        master, slave = pty.openpty()
        tty.setraw(slave)
        # MicroPython switches its terminal to raw at the prompt only: while a program runs, ctrl-C
        # interrupts it by the terminal's own means.
        attributes = termios.tcgetattr(slave)
        attributes[3] |= termios.ISIG
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        loop = asyncio.get_running_loop()
        loop.add_reader(master, self._from_vm, master)
        self._to_vm = master
        process = await asyncio.create_subprocess_exec(
            "setsid", "--ctty", *vm._program(), *program,
            cwd=self.flash, env=self._environment(cause), stdin=slave, stdout=slave, stderr=slave,
        )  # fmt: skip
        os.close(slave)
        try:
            return await process.wait()
        finally:
            await vm.end(process)
            self._to_vm = None
            loop.remove_reader(master)
            self._from_vm(master)
            os.close(master)

    def _environment(self, cause: Cause) -> dict[str, str]:
        modules = self.build.modules if self.installed else self.flash
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "MICROPYPATH": f"{self.build.shims}:{modules}:.frozen",
            "TERM": "dumb",
            "TWIN_RESET_CAUSE": str(int(cause)),
            "TWIN_CHIP_ID": f"{self.chip:08x}",
            "TWIN_WORLD": str(self.folder / "world.json"),
        }

    def _from_port(self) -> None:
        with contextlib.suppress(OSError):
            typed = os.read(self._master, 4096)
            self.heard += typed
            if self._to_vm is not None:
                os.write(self._to_vm, typed)

    def _from_vm(self, master: int) -> None:
        # EIO is the end of the VM; a port that nobody reads loses what is said, as a UART does.
        with contextlib.suppress(OSError):
            os.write(self._master, os.read(master, 4096))


MakePromptBoard = Callable[..., Any]


@pytest.fixture
async def make_prompt_board(firmware_build: Build, tmp_path):
    """Makes boards on serial ports: `await make_prompt_board()`; `.port` is the port's name."""
    made: list[PromptBoard] = []

    async def make(
        *, installed: bool = True, settings: dict[str, Any] | None = None, **world: Any
    ) -> PromptBoard:
        chip = random.SystemRandom().getrandbits(24) << 8
        board = PromptBoard(tmp_path / f"{chip:08x}", firmware_build, chip, installed=installed)
        board.world |= world
        await board.start(settings)
        made.append(board)
        return board

    yield make
    for board in made:
        await board.stop()
