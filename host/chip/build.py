"""From what MicroPython's make left to what the emulated chip runs.

Objects, linker scripts and lwIP are taken where the user has them; only the fake ROM and SDK of
emulator/ and our own bootloader are compiled.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from contracts import bootloader_config, image, map_marker, resources
from contracts.flash_map import FlashMap
from contracts.signatures import Key
from contracts.versions import Version
from host import artefacts, boards, files, flash_maps
from host.chip.errors import ChipBuildError, NoEmulatorError, NotABuildError
from host.linked import elf
from host.linked.checks import DRAM, DRAM_END, IRAM, IRAM_END
from host.linked.elf import LinkedFile
from host.linked.errors import NotLinkedError, WrongMachineError

__all__ = ["ChipBuild", "ChipParts", "find", "make"]

_FLASH, _FLASH_END = 0x40200000, 0x40300000
_ROM_ADDRESSES = "boards/eagle.rom.addr.v6.ld"
_UNDEFINED = re.compile(r"undefined reference to [`'](\w+)'")
_LWIP = re.compile(r"^LOAD (\S*/liblwip_open\.a)$", re.MULTILINE)
_VERSION = re.compile(rb"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")


@dataclass(frozen=True, slots=True)
class ChipBuild:
    """A build folder of MicroPython's ESP8266 port that has our firmware frozen in."""

    folder: Path
    version: str
    board: str
    flash_map: FlashMap
    layout: str
    lwip: Path


@dataclass(frozen=True, slots=True)
class ChipParts:
    """What the chip runs; `rom` is the fake mask ROM as a linked file, `linked` the firmware's."""

    build: ChipBuild
    rom: Path
    bootloader: bytes
    linked: LinkedFile
    key: Key

    def application(self, version: str | None = None) -> bytes:
        """The signed image; with another `version`, of the same length, its own says so too."""
        sections = [section for section in self.linked.sections if section.data]
        segments = [
            (s.address, s.data + bytes(-len(s.data) % 4))
            for s in sections
            if IRAM <= s.address < IRAM_END or DRAM <= s.address < DRAM_END
        ]
        irom = b"".join(s.data for s in sections if _FLASH <= s.address < _FLASH_END)
        wanted = version or self.build.version
        if wanted != self.build.version:
            irom = _renumbered(irom, self.build.version, wanted)
        made = image.build_application(irom, segments, entry=self.linked.entry)
        return image.stamp(made, wanted, self.build.board, self.key)

    def next_version(self) -> str:
        """A newer version that can stand in this one's place in the linked firmware."""
        now = Version.parse(self.build.version)
        for number in range(1000):
            text = ".".join(f"{number:03}")
            alike = len(text) == len(self.build.version) and _hash(text) == _hash(str(now))
            if alike and Version.parse(text) > now:
                return text
        raise ChipBuildError(f"no version of the form 1.2.3 can stand in the place of {now}")

    def flash(self, application: bytes | None = None) -> bytes:
        """A whole flash: bootloader and application as `dormouse flash` writes them."""
        flash_map = self.build.flash_map
        flash = bytearray(b"\xff" * flash_map.size)
        boot = bytearray(self.bootloader)
        boot[3] = _size_byte(flash_map.size) | boot[3] & 15
        flash[: len(boot)] = boot
        app = application or self.application()
        flash[flash_map.app.offset : flash_map.app.offset + len(app)] = app
        return bytes(flash)


def find(folder: Path, lwip: Path | None = None) -> ChipBuild:
    """The build in a folder, or below one of MicroPython's sources. Raises NotABuildError."""
    inner = folder / "ports" / "esp8266" / "build-DORMOUSE"
    folder = (inner if inner.is_dir() else folder).resolve()
    for name in ("firmware.elf", "firmware.map", "ets_alt_task.o", "frozen_content.o"):
        if not (folder / name).is_file():
            raise NotABuildError(
                f"{folder}: no build of MicroPython's ESP8266 port ({name} is missing); "
                "`dormouse firmware image` leaves one in ports/esp8266/build-DORMOUSE"
            )
    if not (folder.parent / _ROM_ADDRESSES).is_file():
        raise NotABuildError(f"{folder}: not within the port ({_ROM_ADDRESSES} is missing)")
    version, board = _stamp(folder)
    try:
        linked = elf.read(files.read(folder / "firmware.elf"))
    except (NotLinkedError, WrongMachineError) as error:
        raise NotABuildError(f"{folder / 'firmware.elf'}: {error}") from None
    marker = map_marker.find(b"".join(section.data for section in linked.sections))
    for path in resources.flash_maps():
        flash_map = flash_maps.read(path)
        if map_marker.marker(flash_map) == marker:
            layout = artefacts.layout_of(flash_map)
            return ChipBuild(folder, version, board, flash_map, layout, _lwip(folder, lwip))
    raise NotABuildError(f"{folder}: built for a flash map that is none of ours, or for none")


def make(
    build: ChipBuild,
    folder: Path,
    key: Key,
    *,
    settings: bootloader_config.Config | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> ChipParts:
    """Compile and link into `folder`. Raises NoEmulatorError, ChipBuildError."""
    tree = resources.source_tree()
    if tree is None or not (tree / "emulator" / "Makefile").is_file():
        raise NoEmulatorError("the emulator's sources are in the source tree only")
    if shutil.which("xtensa-lx106-elf-gcc") is None:
        raise NoEmulatorError(
            "xtensa-lx106-elf-gcc: no compiler for the chip (Debian: gcc-xtensa-lx106)"
        )
    files.make_folder(folder)
    folder = folder.resolve()
    config = folder / "rehearsal.h"
    chosen = settings or bootloader_config.Config(build.flash_map.app.offset)
    config.write_text(bootloader_config.config_h(key.modulus, chosen))
    progress("the emulator, the bootloader, and the firmware's objects")
    partitions = next(p for p in resources.flash_maps() if p.stem == build.layout)
    variables = {
        "BUILD": folder,
        "CONFIG": config,
        "LAYOUT": partitions,
        "APP_LAYOUT": build.layout,
        "FIRMWARE": build.folder,
        "LWIP": build.lwip,
        "PYTHON": sys.executable,
    }
    done = subprocess.run(
        ["make", "--no-print-directory", "-s", "-C", str(tree / "emulator"), "qemu-chip"]
        + [f"{name}={value}" for name, value in variables.items()],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ChipBuildError(_why(done.stderr or done.stdout))
    linked = elf.read(files.read(folder / "firmware.elf"))
    bootloader = files.read(folder / "bootloader.bin")
    return ChipParts(build, folder / "fakerom.elf", bootloader, linked, key)


def _stamp(folder: Path) -> tuple[str, str]:
    """Version and board that were frozen in."""
    data = files.read(folder / "frozen_mpy" / "dormouse" / "version.mpy")
    version = _VERSION.search(data)
    known = [board.id for board in boards.known().values() if board.id.encode() in data]
    if version is None or not known:
        raise NotABuildError(f"{folder}: which version of our firmware it has is not known")
    return str(Version.parse(version[0].decode())), max(known, key=len)


def _lwip(folder: Path, named: Path | None) -> Path:
    if named is not None:
        found = named / "liblwip_open.a" if named.is_dir() else named
    else:
        text = files.read(folder / "firmware.map").decode(errors="replace")
        match = _LWIP.search(text)
        found = Path(match[1]) if match else Path("liblwip_open.a")
        found = found if found.is_absolute() else folder.parent / found
    if not found.is_file():
        raise NotABuildError(
            f"{found}: the lwIP that the build was linked with is not there: --lwip names it"
        )
    return found.resolve()


def _why(text: str) -> str:
    """The line of make's words that says most."""
    if missing := sorted(set(_UNDEFINED.findall(text))):
        return f"the emulator has not what this build asks of SDK or ROM: {', '.join(missing)}"
    lines = [line for line in text.splitlines() if line.strip()]
    words = ("rror", "not recognized", "wrong format", "incompatible", "No space left")
    ours = [line for line in lines if not line.startswith("make")]
    said = [
        line
        for line in ours
        if any(word in line for word in words) or line.startswith(("linked:", "bootloader:"))
    ] or [line for line in lines if "rror" in line]
    return (said or lines or ["make failed and said nothing"])[0]


def _renumbered(irom: bytes, old: str, new: str) -> bytes:
    """The text with another version: where it stands as a string of its own, which must be once.

    Strings are compared by their stored hashes first: `next_version` gives one of the same hash.
    """
    before, after = (b"\0" + text.encode() + b"\0" for text in (old, new))
    if len(before) != len(after) or irom.count(before) != 1:
        raise ChipBuildError(f"the version {old} cannot be made {new} in the linked firmware")
    return irom.replace(before, after)


def _hash(text: str) -> int:
    """MicroPython's of a string, which is stored beside it in one or two bytes (py/qstr.c)."""
    value = 5381
    for byte in text.encode():
        value = value * 33 ^ byte
    return value & 0xFFFF or 1


def _size_byte(size: int) -> int:
    return {1 << 20: 2, 2 << 20: 3, 4 << 20: 4}[size] << 4
