"""A virtual device's flash part, and the native bootloader that starts it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts import resources
from contracts.bootloader_config import SECURITY_COUNTER
from contracts.image import IROM, MAX_APPLICATION
from contracts.ota.protocol import PORT
from host import flash_maps
from host.twin.errors import TwinError
from host.twin.image import unpack
from host.twin.loopback import Address, claim
from host.twin.vm import Cause, end, guarded

__all__ = ["BUILT", "Bootloader", "Rom"]

BUILT = (resources.source_tree() or Path.cwd()) / "build" / "bootloader"
"""Where `make -C bootloader native` puts the programs."""

_SERVER = 10  # bootdecide's exit status where the OTA server starts
_ERASED = b"\xff"


@dataclass(frozen=True, slots=True)
class Bootloader:
    """The native bootloader: the folder of its programs, and the public or private key file.

    `address` is where the OTA server listens when it has no address of its own. Times in
    milliseconds: how long the OTA server waits for a packet before the session starts
    over, and for a first one before the device restarts; None for the bootloader's own.
    """

    key: Path
    programs: Path = BUILT
    address: str = "127.0.0.1"
    packet_wait_ms: int | None = None
    idle_restart_ms: int | None = None

    def program(self, name: str) -> str:
        """The path of `otaserver` or `bootdecide`. Raises TwinError."""
        path = self.programs / name
        if not path.exists():
            raise TwinError(
                f"{path} is not there: `make -C bootloader native` builds it in the source tree"
            )
        return str(path)


class Rom:
    """A flash part in a file, with the map of partitions.csv and an application in its slot.

    Of the bootloader's own text it has what says that there is a security counter.

    The file is made when it is not there. The OTA server listens on port 8266 of an address of the
    device's `own`, as a board's does, or else on a free port of the bootloader's. `listening` is
    the port that it got, `server_output` what it printed, `decision` what bootdecide printed last.
    """

    def __init__(
        self, folder: Path, bootloader: Bootloader, image: bytes, *, own: bool = False
    ) -> None:
        folder = folder.absolute()
        self.file = folder / "flash.bin"
        self.bootloader = bootloader
        self.own = own
        self.address: Address | None = None
        self.listening: int | None = None
        self.server_output: list[str] = []
        self.decision: dict[str, Any] = {}
        self._folder = folder
        self._image = image
        self._map = flash_maps.read(resources.default_flash_map())
        self._unpacked: bytes | None = None

    def make(self) -> None:
        """Make the part as a factory does, if there is none: erased but for the application.

        And take an address, if it is to have one of its own. Raises NoAddressError.
        """
        if not self.file.exists():
            self.write_image(self._image)
        if self.own and self.address is None:
            self.address = claim()

    def release(self) -> None:
        """Give the address back."""
        if self.address is not None:
            self.address.release()
            self.address = None

    def write_image(self, image: bytes) -> None:
        """Flash an image over the wire, as esptool does: the rest of the part stays."""
        flash = bytearray(self.file.read_bytes() if self.file.exists() else b"")
        flash += _ERASED * (self._map.size - len(flash))
        flash[IROM : IROM + len(SECURITY_COUNTER)] = SECURITY_COUNTER
        slot = self._map.app
        flash[slot.offset : slot.end] = image.ljust(slot.size, _ERASED)
        self.file.write_bytes(flash)

    async def starts_server(self, rtc: Path, cause: Cause, *, button: bool = False) -> bool:
        """The bootloader's decision: its OTA server (True) or the application.

        `button` says that somebody presses one in the three seconds in which it watches the pins.
        """
        process = await asyncio.create_subprocess_exec(
            self.bootloader.program("bootdecide"),
            *self._where(),
            *("--rtc", str(rtc), "--reset-reason", str(int(cause))),
            *(("--pin-changes",) if button else ()),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await process.communicate()
        finally:
            await end(process)
        if process.returncode not in {0, _SERVER}:
            raise TwinError(f"bootdecide: {output.decode(errors='replace').strip()}")
        self.decision = json.loads(output)
        return process.returncode == _SERVER

    async def serve(self) -> asyncio.subprocess.Process:
        """Start the OTA server; give what it prints to `handle_output`."""
        times = {
            "--packet-wait": self.bootloader.packet_wait_ms,
            "--idle-restart": self.bootloader.idle_restart_ms,
        }
        return await asyncio.create_subprocess_exec(
            *guarded(self.bootloader.program("otaserver")),
            *self._where(),
            *("--port", str(PORT if self.address else 0)),
            *("--bind", self.address.text if self.address else self.bootloader.address),
            *(text for name, ms in times.items() if ms for text in (name, str(ms))),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            process_group=0,
        )

    def handle_output(self, line: str) -> None:
        """Keep a line that the OTA server printed, and the port that the first one names."""
        self.server_output.append(line)
        if line.startswith("listening on "):
            self.listening = int(line.rpartition(":")[2])

    def modules(self) -> Path:
        """The folder of the modules in the application slot, unpacked anew when they changed."""
        with self.file.open("rb") as flash:
            flash.seek(self._map.app.offset)
            image = flash.read(min(self._map.app.size, MAX_APPLICATION))
        digest = hashlib.sha256(image).digest()
        folder = self._folder / "modules"
        if digest != self._unpacked:
            unpack(image, folder)
            self._unpacked = digest
        return folder

    def _where(self) -> list[str]:
        slot = self._map.app
        return [
            *("--flash", str(self.file), "--key", str(self.bootloader.key)),
            *("--slot", f"{slot.offset:#x}:{slot.size:#x}"),
        ]
