"""What a linked program must be before it is flashed, and how much room is left in it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from contracts.flash_map import SECTOR, FlashMap
from contracts.image import COUNTER_SIZE, IROM
from host.linked.elf import LinkedFile

__all__ = ["IRAM", "IRAM_END", "VECTORS", "Program", "Room", "faults", "rooms"]

IRAM, IRAM_END = 0x40100000, 0x40108000
DRAM, DRAM_END = 0x3FFE8000, 0x3FFFC000
_FLASH, _FLASH_END = 0x40200000, 0x40300000  # one MiB of flash is mapped here

VECTORS = {
    "_DebugExceptionVector": 0x10,
    "_NMIExceptionVector": 0x20,
    "_KernelExceptionVector": 0x30,
    "_UserExceptionVector": 0x50,
    "_DoubleExceptionVector": 0x70,
}
"""Where the core goes at an exception, from VECBASE, which call_user_start sets to IRAM's start."""

# Constants that look like addresses by chance; a build for another place has hundreds of words.
_FEW_WORDS = 32


class Program(StrEnum):
    """Which of the chip's programs on Espressif's SDK was linked."""

    APPLICATION = "application"
    OTA_SERVER = "OTA server"


# What the SDK takes from its heap: WiFi's and lwIP's buffers, timers, what a join allocates.
# MicroPython has its own heap in .bss, and stock builds leave the SDK 14 KB; the server has all.
_SDK_HEAP = {Program.APPLICATION: 12 << 10, Program.OTA_SERVER: 32 << 10}


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes used of what there is at most; `least` of them must stay free."""

    name: str
    used: int
    limit: int
    least: int = 0

    @property
    def left(self) -> int:
        """Bytes that are free; negative when it does not fit."""
        return self.limit - self.used

    def __str__(self) -> str:
        return f"{self.used} of {self.limit} bytes, {self.left} left"


def rooms(linked: LinkedFile, program: Program, flash_map: FlashMap) -> list[Room]:
    """Every kind of memory: flash for code, IRAM, DRAM with what it leaves the SDK's heap."""
    start, end = _irom(program, flash_map)
    text = linked.within(_FLASH, _FLASH_END)
    irom = max((s.end for s in text), default=start) - start
    dram = max((s.end for s in linked.within(DRAM, DRAM_END)), default=DRAM) - DRAM
    iram = max((s.end for s in linked.within(IRAM, IRAM_END)), default=IRAM) - IRAM
    return [
        Room("irom", irom, end - start),
        Room("IRAM", iram, IRAM_END - IRAM),
        Room("DRAM", dram, DRAM_END - DRAM, _SDK_HEAP[program]),
    ]


def faults(linked: LinkedFile, program: Program, flash_map: FlashMap) -> list[str]:
    """Why it must not be flashed, one sentence each; empty for a good one."""
    return [
        *_vectors(linked),
        *_placement(linked, program, flash_map),
        *_fit(linked, program, flash_map),
    ]


def _irom(program: Program, flash_map: FlashMap) -> tuple[int, int]:
    """From where to where irom text may lie.

    RAM segments take IROM bytes before it, counted from the OTA server's image at 0x1000 with
    sector 0 before it, from the application's with its slot. The OTA server leaves the last bytes
    to the security counter, an application the last sector of its slot to MD5 and trailer.
    """
    app = flash_map.app
    if program is Program.OTA_SERVER:
        return _FLASH + IROM, _FLASH + app.offset - COUNTER_SIZE
    return _FLASH + app.offset + IROM, _FLASH + app.end - SECTOR


def _vectors(linked: LinkedFile) -> Iterator[str]:
    for name, offset in VECTORS.items():
        symbol = linked.symbols.get(name)
        at = IRAM + offset
        if symbol is None or symbol.section != ".text" or symbol.address != at:
            where = "nowhere" if symbol is None else f"at {symbol.address:#x}"
            source = "the ROM's, " if symbol and not symbol.section else ""
            yield (
                f"{name} is {source}{where}, not the SDK's at {at:#x}: the first interrupt would "
                "land in the middle of a function"
            )
            return


def _placement(linked: LinkedFile, program: Program, flash_map: FlashMap) -> Iterator[str]:
    start, end = _irom(program, flash_map)
    text = linked.within(_FLASH, _FLASH_END)
    if not text or text[0].address != start:
        where = f"{text[0].address:#x}" if text else "nowhere"
        yield f"its code for flash begins at {where}, not at {start:#x} as the flash map says"
        return
    for symbol in linked.symbols.values():
        outside = _FLASH + IROM <= symbol.address < _FLASH_END
        if outside and not start <= symbol.address <= max(end, text[-1].end):
            yield f"{symbol.name} lies at {symbol.address:#x}, in another slot's flash"
            return
    words = sum(_foreign_words(linked, start, end))
    if words > _FEW_WORDS:
        yield f"{words} words point into another slot's flash"


def _foreign_words(linked: LinkedFile, start: int, end: int) -> Iterator[int]:
    """How many words of each section in RAM point to flash outside of the program's own text."""
    for section in (*linked.within(IRAM, IRAM_END), *linked.within(DRAM, DRAM_END)):
        data = section.data[: len(section.data) & ~3]
        yield sum(
            _FLASH + IROM <= word < _FLASH_END and not start <= word <= end
            for (word,) in struct.iter_unpack("<I", data)
        )


def _fit(linked: LinkedFile, program: Program, flash_map: FlashMap) -> Iterator[str]:
    for room in rooms(linked, program, flash_map):
        if room.left < 0:
            yield f"{room.name}: {room.used} bytes do not fit in {room.limit}"
        elif room.left < room.least:
            yield f"{room.name}: {room.left} bytes left, the SDK's heap needs {room.least}"
