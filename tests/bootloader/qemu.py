"""The real boot image on QEMU's lx106, behind a fake mask ROM (emulator/)."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts import image
from contracts.ota.protocol import Datagram
from tests.bootloader.conftest import Signer
from tests.bootloader.server import FLASH_SIZE, SLOT
from tests.support.bootloader import TOP, make

EMULATOR = TOP / "emulator"
"""Its Makefile has the bootloader's targets too."""

APP, SERVER = 20, 21
CUT, RESTART, NO_DATAGRAMS, STRICT, NO_BOOT = 9, 30, 31, 71, 73
"""Exit statuses: of the test applications, and of the fake ROM (emulator/rom/host.h)."""

POWER_ON, SOFT, DEEP_SLEEP, RESET_PIN = 0, 4, 5, 6
"""The SDK's reset reasons."""

_RTC_SIZE = 1024
_MAGIC = 0x507A5A50  # what MicroPython has at +12; the bootloader does not look at it


@dataclass(frozen=True)
class Chip:
    """A built bootloader with its applications."""

    folder: Path

    def part(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def app(self, irom: bytes) -> bytes:
        """The test application in its container, with any irom text."""
        segments, entry = ram_segments(self.part("testapp.bin"))
        return image.build_application(irom, segments, entry=entry)

    def flash(self, path: Path, app: bytes, server: str = "testserver.bin") -> Path:
        """A flash file with bootloader, OTA server and an application."""
        flash = bytearray(b"\xff" * FLASH_SIZE)
        for at, content in ((0, self.part("boot.bin")), (0x1000, self.part(server)), (SLOT, app)):
            flash[at : at + len(content)] = content
        path.write_bytes(flash)
        return path


@dataclass(frozen=True)
class Run:
    """How one power-on ended: exit status, what was printed, instructions, flash operations."""

    status: int
    said: str
    instructions: int
    operations: int


def build(folder: Path, signer: Signer, *targets: str) -> Chip:
    """Build sector 0 and what it runs on, and `targets` of emulator/ or bootloader/ besides."""
    config = f"CONFIG={signer.config}"
    return Chip(make("chip", "qemu", *targets, config, folder=folder, source=EMULATOR))


def ram_segments(content: bytes) -> tuple[list[tuple[int, bytes]], int]:
    """The (address, data) of an image's segments, and its entry."""
    at, segments = 8, []
    for _ in range(content[1]):
        address, size = struct.unpack_from("<II", content, at)
        segments.append((address, content[at + 8 : at + 8 + size]))
        at += 8 + size
    return segments, int.from_bytes(content[4:8], "little")


def rtc_file(path: Path, reason: int, memory: bytes = b"") -> Path:
    """RTC memory from 0x60001000, as the SDK and MicroPython leave it."""
    rtc = bytearray(_RTC_SIZE)
    rtc[0x100:0x104] = reason.to_bytes(4, "little")
    rtc[0x20C : 0x214 + len(memory)] = struct.pack("<II", _MAGIC, len(memory)) + memory
    path.write_bytes(rtc)
    return path


def datagram_file(path: Path, datagrams: Sequence[Datagram]) -> Path:
    path.write_bytes(b"".join(struct.pack("<H", len(d.raw)) + d.raw for d in datagrams))
    return path


def _command(chip: Chip, arguments: Sequence[object], *, count: bool) -> list[str | Path]:
    return [
        *("qemu-system-xtensa", "-M", "sim", "-cpu", "lx106", "-display", "none"),
        *("-monitor", "none", "-serial", "none", "-parallel", "none", "-net", "none"),
        *(("-icount", "shift=0") if count else ()),
        "-semihosting-config",
        ",".join(["enable=on", "arg=rom", *(f"arg={argument}" for argument in arguments)]),
        *("-kernel", chip.folder / "fakerom.elf"),
    ]


def boot_for_ever(chip: Chip, flash: Path, rtc: Path, last_words: str) -> None:
    """Boot what does not end: return once it has said `last_words`."""
    command = _command(chip, [flash, rtc, 0, -1, 0, 0, "-"], count=False)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        try:
            said = iter(child.stdout.readline, b"")
            assert any(last_words.encode() in line for line in said)
        finally:
            child.kill()


def power_on(
    chip: Chip,
    flash: Path,
    rtc: Path,
    *,
    cut: int = 0,
    pins: tuple[int, int] = (-1, 0),
    strict: bool = False,
    datagrams: Path | str = "-",
    count: bool = False,
) -> Run:
    """Boot once. `pins`: after how many ms which bits change; `count`: count instructions."""
    arguments = [flash, rtc, cut, *pins, int(strict), datagrams]
    done = subprocess.run(
        _command(chip, arguments, count=count),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    numbers = {
        name: int(value)
        for name, _, value in (line.partition(" ") for line in done.stdout.splitlines())
        if name in {"ccount", "operations"}
    }
    return Run(
        done.returncode,
        done.stdout + done.stderr,
        # At one instruction a nanosecond the 40 MHz of CCOUNT are 25 instructions a count.
        numbers.get("ccount", 0) * 25,
        numbers.get("operations", 0),
    )
