"""A virtual device that is the emulated chip: a build's own objects among the others of a fleet."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from host.chip.build import ChipParts
from host.chip.errors import ChipFailedError
from host.chip.machine import EmulatedChip, Ended, Reason, Typed
from host.chip.network import EmulatedNetwork
from host.chip.surroundings import AccessPoint, ChipSurroundings
from host.chip.wiring import Wiring
from host.twin import vm
from host.twin.firmware import Build
from host.twin.loopback import Address, claim
from host.twin.statistics import TwinState
from host.twin.twin import Twin
from host.twin.vm import Cause
from host.twin.world import World

__all__ = ["ChipTwin", "typed_settings"]

_BOOT = "boot: "  # sector 0 says each start that is no wake
_SETTINGS_AT_A_TIME = 100  # the UART's queue has 256 bytes, and the prompt answers each line


class ChipTwin(Twin):
    """An emulated chip with `parts` in its flash; its time goes as fast as this machine's.

    Its flash is made at start, erased but for bootloader and application; the settings are typed
    at its prompt, as over USB. It has an address of its own, where its OTA server answers, and the
    sensors of its settings at its pins.
    """

    def __init__(
        self,
        folder: Path,
        parts: ChipParts,
        firmware: Build,
        *,
        chip_id: int,
        settings: Mapping[str, object],
        world: World | None = None,
        pace: float = 1.0,
        keep: bool = False,
    ) -> None:
        super().__init__(
            folder,
            firmware,
            chip_id=chip_id,
            settings=settings,
            world=world,
            pace=pace,
            keep=keep,
        )
        self.parts = parts
        self._address: Address | None = None
        self._chip: EmulatedChip | None = None
        self._emulator: subprocess.Popen[bytes] | None = None
        self._steps: list[tuple[str, str]] = []

    @property
    def id(self) -> str:
        """The device's id: the chip gives its own lowest byte first."""
        return f"esp8266_{self.chip_id.to_bytes(4, 'little').hex()}"

    async def start(self) -> None:
        """Make its flash, and switch it on. Raises NoAddressError, OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._address = claim()
        network = EmulatedNetwork(self._address.text)
        network.open_updates()
        point = AccessPoint(str(self.settings["ssid"]), str(self.settings["key"]))
        around = ChipSurroundings((point,), paced=True)
        sensors = self.settings.get("sensors")
        wiring = Wiring(sensors if isinstance(sensors, list) else (), self.world)
        self._chip = EmulatedChip(
            self.folder, self.parts.rom, network, around, self.chip_id, wiring=wiring
        )
        self._chip.flash.write_bytes(self.parts.flash())
        self._steps = typed_settings(self.settings)
        self.power_on()

    def change_world(self, **changes: object) -> None:
        """Change what its sensors meet while it runs; its access point stays."""
        super().change_world(**changes)
        if self._chip is not None and self._chip.wiring is not None:
            self._chip.wiring.world = self.world

    async def stop(self) -> None:
        """Switch it off, give its address back, and remove its folder."""
        await super().stop()
        if self._chip is not None:
            self._chip.network.close()
        if self._address is not None:
            self._address.release()

    def console(self) -> str:
        """What its firmware said in this wake, or the last one."""
        said = super().console().splitlines()
        return "\n".join(
            line for line in said if line and not line.startswith(_BOOT) and not _is_count(line)
        )

    async def _run(self, cause: Cause) -> int:
        """One life of the chip, its OTA server's too; what the VM's exit status would be."""
        assert self._chip is not None  # noqa: S101  # made by start
        if cause is Cause.POWER:
            self._chip.power_on()
        elif cause is Cause.HARD:
            self._chip.reset(Reason.PIN)
        typed, self._steps = Typed(self._steps), []
        self._enter(TwinState.AWAKE)
        life = asyncio.create_task(
            asyncio.to_thread(self._chip.run, typed=typed, started=self._started)
        )
        try:
            run = await asyncio.shield(life)
        except asyncio.CancelledError:
            self._cut()
            with contextlib.suppress(ChipFailedError):
                await life
            raise
        finally:
            self._emulator = None
        self.statistics.awake_ms = run.us / 1000
        match run.ended:
            case Ended.ASLEEP:
                (self.folder / "sleep").write_text(str(run.sleep_us))
                return vm.ASLEEP
            case Ended.WATCHDOG:
                (self.folder / "reset-cause").write_text(str(int(Cause.WATCHDOG)))
                return vm.RESET
            case Ended.RESTART:
                return vm.RESET
            case _:
                return int(run.ended)

    def _started(self, emulator: subprocess.Popen[bytes]) -> None:
        self._emulator = emulator

    def _restart(self, cause: Cause) -> None:
        super()._restart(cause)
        self._cut()

    def _cut(self) -> None:
        if self._emulator is not None:
            self._emulator.kill()


def typed_settings(settings: Mapping[str, object]) -> list[tuple[str, str]]:
    """What is typed at a device that waits in its portal."""
    text = json.dumps(settings)
    parts = range(0, len(text), _SETTINGS_AT_A_TIME)
    lines = [
        "f=open('settings.json','w')",
        *(f"f.write({text[at : at + _SETTINGS_AT_A_TIME]!r})" for at in parts),
        "f.close()",
        "import machine;machine.reset()",
    ]
    return [("portal: join", "\x03"), *((">>> ", f"{line}\r") for line in lines)]


def _is_count(line: str) -> bool:
    """Whether the emulator counted something there: a name and a number."""
    name, _, number = line.partition(" ")
    return name.isidentifier() and number.isdigit()
