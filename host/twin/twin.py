"""One virtual device: its flash, RTC memory and world, and the life of its VM."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self

from contracts.errors import DormouseError
from host.twin import vm
from host.twin.errors import TwinError
from host.twin.firmware import Build
from host.twin.rom import Rom
from host.twin.statistics import Statistics, TwinState
from host.twin.vm import Cause
from host.twin.world import World

__all__ = ["CONNECTION", "Twin"]

WATCHDOG_S = 5.0
"""A program that broke stops feeding the watchdog, whose time-out is fixed at 5 s."""

CONNECTION = ("host", "port", "enrol_port")
"""The settings that say where the hub is."""

_FATAL = 1  # the exit status of an uncaught exception
_FOR_EVER_US = 0  # deepsleep(0) has no alarm: only a reset ends it
_OUTPUT_LIMIT = 4000  # characters of a crashed VM's output: a traceback and what came before


class Twin:
    """A virtual device with the chip id `chip_id`, living in `folder`.

    `chip_id` is in the order in which ids are printed: on silicon its last byte is 0.
    The folder is made at start and removed at stop, unless `keep`. `pace` scales sleep: at 0.01
    a device that sleeps 300 s is back after 3 s. With a `rom` it starts through the bootloader and
    runs the application in its flash; without, it runs `firmware` directly.
    """

    def __init__(
        self,
        folder: Path,
        firmware: Build,
        *,
        chip_id: int,
        settings: Mapping[str, object],
        world: World | None = None,
        rom: Rom | None = None,
        pace: float = 1.0,
        keep: bool = False,
        renewed: Collection[str] = CONNECTION,
    ) -> None:
        self.folder = folder.absolute()  # a VM looks from its own folder
        self.firmware = firmware
        self.chip_id = chip_id
        self.settings = dict(settings)
        self.world = world or World()
        self.rom = rom
        self.pace = pace
        self.keep = keep
        self.renewed = renewed
        self.statistics = Statistics()
        self._life: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._forced: Cause | None = None
        self._typed: str | None = None
        self._button = False
        self._roused = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def id(self) -> str:
        """The device's id, which is its broker user name."""
        return f"esp8266_{self.chip_id:08x}"

    @property
    def flash(self) -> Path:
        """The device's filesystem."""
        return self.folder / "flash"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Provision the device's flash and switch it on.

        A device whose folder was kept has its own settings still; only the `renewed` ones are new.
        """
        vm.require(self.firmware.machine)
        self.flash.mkdir(parents=True, exist_ok=True)
        if self.rom:
            self.rom.make()
            if own := self.rom.address:
                self.world = self.world.changed(wifi={"subnet": own.subnet, "host": own.host})
        self.write_settings(**{k: v for k, v in self.settings.items() if k in self.renewed})
        self._write_world()
        self.power_on()

    async def stop(self) -> None:
        """Switch it off and remove its folder; returns when nothing of it runs any more."""
        await self.power_off()
        if self.rom:
            self.rom.release()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def power_on(self) -> None:
        """Give it power."""
        if self._life is not None:
            raise TwinError(f"{self.id} has power already")
        self._life = asyncio.create_task(self._live(), name=self.id)
        self._life.add_done_callback(lambda _: self._changed.set())

    async def power_off(self) -> None:
        """Take its power away, RTC memory with it, in the middle of whatever it does."""
        if self._life is not None:
            self._life.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._life
            self._life = None
        for volatile in ("rtc.bin", "pins.json"):
            (self.folder / volatile).unlink(missing_ok=True)
        self._enter(TwinState.OFF)

    async def power_cut(self) -> None:
        """Take its power away for a moment."""
        await self.power_off()
        self.power_on()

    def press_reset(self, *, then_button: bool = False) -> None:
        """Press its reset button: RTC memory stays. Then another one, which asks for an update."""
        self._button = then_button
        self._restart(Cause.HARD)

    def type(self, line: str) -> None:
        """Interrupt it and type a line at its prompt, as over USB: `import ota; ota.start()`."""
        self._typed = line
        self._restart(Cause.HARD)

    def wake(self) -> None:
        """End its deep sleep now, as the alarm would; no effect while it is awake."""
        self._roused.set()

    def change_world(self, **changes: object) -> None:
        """Change its surroundings while it runs; see World."""
        self.world = self.world.changed(**changes)
        self._write_world()

    def write_settings(self, **changes: object) -> None:
        """Change settings on its flash, as a person would; they count from its next wake on."""
        path = self.flash / "settings.json"
        with contextlib.suppress(FileNotFoundError):
            self.settings = json.loads(path.read_text("utf-8"))  # the firmware may change them too
        self.settings |= changes
        _replace(path, json.dumps(self.settings, ensure_ascii=False))

    def output(self, pin: int) -> int:
        """The level of one of its output pins; 0 before the firmware has set it."""
        try:
            levels = json.loads((self.folder / "pins.json").read_text())
        except OSError:
            return 0
        return int(levels.get(str(pin), 0))

    def console(self) -> str:
        """The end of what its firmware printed in this wake or, while it sleeps, the last one."""
        try:
            return (self.folder / "console").read_text(errors="replace")[-_OUTPUT_LIMIT:].strip()
        except OSError:
            return ""

    @property
    def flash_writes(self) -> int:
        """How often its flash was written, by the firmware or the SDK, since it was made."""
        try:
            return int((self.folder / "flash-writes").read_text())
        except OSError:
            return 0

    async def until(self, condition: Callable[[Statistics], bool], *, within: float = 60.0) -> None:
        """Return when `condition` holds; TwinError when it does not `within` so many seconds."""
        try:
            async with asyncio.timeout(within):
                while not condition(self.statistics):
                    self.check()
                    await self._changed.wait()
        except TimeoutError:
            raise TwinError(f"{self.id}: not within {within:g} s: {self.statistics}") from None

    def check(self) -> None:
        """Raise what went wrong in running it, as opposed to in what its firmware does."""
        if self._life is not None and self._life.done():
            self._life.result()

    async def cycle(self) -> None:
        """Return at the end of the next wake that ends in sleep."""
        seen = self.statistics.cycles
        await self.until(lambda now: now.cycles > seen)

    async def _live(self) -> None:
        cause = Cause.POWER
        while True:
            self._roused.clear()
            self.statistics.boots += 1
            if self.rom and await self._starts_server(self.rom, cause):
                await self._attend(await self.rom.serve(), TwinState.UPDATING)
                cause = self._take_forced() or Cause.SOFT
            else:
                status = await self._run(cause)
                cause = self._take_forced() or await self._rest(status)

    async def _starts_server(self, rom: Rom, cause: Cause) -> bool:
        button, self._button = self._button, False
        return await rom.starts_server(self.folder / "rtc.bin", cause, button=button)

    async def _run(self, cause: Cause) -> int:
        """One life of the VM; its exit status, negative for a signal."""
        typed, self._typed = self._typed, None
        began = time.monotonic()
        with (self.folder / "console").open("wb") as console:
            try:
                build = self._build()
            except DormouseError as error:
                # Started unchecked after deep sleep: the chip would crash in it.
                console.write(f"the application does not run: {error}".encode())
                return _FATAL
            process = await vm.spawn(
                self.flash,
                build.search_path,
                self._variables(cause),
                console,
                typed,
                machine=build.machine,
            )
        try:
            return await self._attend(process, TwinState.AWAKE)
        finally:
            self.statistics.awake_ms = (time.monotonic() - began) * 1000

    def _build(self) -> Build:
        """What to run. Raises DormouseError for a broken application in flash."""
        if self.rom is None:
            return self.firmware
        return replace(self.firmware, modules=self.rom.modules())

    async def _attend(self, process: asyncio.subprocess.Process, state: TwinState) -> int:
        """What runs on the chip, until it ends or is ended; its exit status."""
        self._process = process
        try:
            if self._forced is not None:
                vm.cut(process)
            if process.stdout is None or self.rom is None:
                self._enter(state)
            else:
                async for line in process.stdout:
                    self.rom.handle_output(line.decode(errors="replace").strip())
                    self._enter(state)
            return await process.wait()
        finally:
            await vm.end(process)
            self._process = None

    async def _rest(self, status: int) -> Cause:
        """What follows the end of the VM: sleep, restart or the watchdog; the next reset cause."""
        now = self.statistics
        if status == vm.RESET:
            return self._reset()
        # Microseconds, as the uint32 that the chip's timer takes.
        sleep_us = self._take_number("sleep") if status == vm.ASLEEP else None
        if sleep_us is not None:
            now.cycles += 1
            if output := self.console():
                now.complaints += 1
                now.last_complaint = output
            await self._sleep(sleep_us)
            return self._take_forced() or Cause.DEEPSLEEP
        if status == 0:
            # The program came to its end: a device shows its prompt then, and waits.
            self._failed("ended at the prompt")
            self._enter(TwinState.PROMPT)
            await self._pause(None)
            return self._take_forced() or Cause.HARD
        asleep = status == vm.ASLEEP
        self._failed("asleep, but no time in `sleep`" if asleep else f"exit status {status}")
        self._enter(TwinState.CRASHED)
        await self._pause(WATCHDOG_S)
        return self._take_forced() or Cause.WATCHDOG

    def _reset(self) -> Cause:
        """A reset that the firmware asked for, or its watchdog's."""
        if self._take_number("reset-cause") == Cause.WATCHDOG:
            self._failed("reset by its watchdog")
            return Cause.WATCHDOG
        self.statistics.resets += 1
        return Cause.SOFT

    def _failed(self, what: str) -> None:
        self.statistics.failures += 1
        self.statistics.last_error = f"{what}\n{self.console()}".strip()

    async def _sleep(self, microseconds: int) -> None:
        self.statistics.sleep_s = microseconds / 1e6
        self._enter(TwinState.ASLEEP)
        await self._pause(None if microseconds == _FOR_EVER_US else microseconds / 1e6)

    async def _pause(self, seconds: float | None) -> None:
        """Wait that long at the device's pace (None: for ever) or until roused."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if seconds is None else seconds * self.pace):
                await self._roused.wait()

    def _take_number(self, name: str) -> int | None:
        """A number that the VM left in its folder, once; None if there is none."""
        path = self.folder / name
        try:
            number = int(path.read_text())
        except (OSError, ValueError):
            return None
        path.unlink()  # the next life must say its own
        return number

    def _variables(self, cause: Cause) -> dict[str, str]:
        return {
            "TWIN_RESET_CAUSE": str(int(cause)),
            "TWIN_CHIP_ID": f"{self.chip_id:08x}",
            "TWIN_WORLD": str(self._world_path),
        }

    @property
    def _world_path(self) -> Path:
        return self.folder / "world.json"

    def _write_world(self) -> None:
        _replace(self._world_path, self.world.json())

    def _restart(self, cause: Cause) -> None:
        self._forced = cause
        self._roused.set()
        if self._process is not None:
            vm.cut(self._process)

    def _take_forced(self) -> Cause | None:
        forced, self._forced = self._forced, None
        return forced

    def _enter(self, state: TwinState) -> None:
        self.statistics.state = state
        self._changed.set()
        self._changed = asyncio.Event()


def _replace(path: Path, text: str) -> None:
    """Write a file whole: a VM that reads it meanwhile sees the old or the new."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
