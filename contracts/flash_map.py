"""The flash map: partitions.csv checked, and written for C and for the device."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from contracts.errors import FlashMapError

__all__ = ["SECTOR", "FlashMap", "Partition", "header", "module", "parse"]

SECTOR = 4096
_WINDOW = 1 << 20  # the chip maps one aligned MiB of flash at a time for code to run from
_FLASH_SIZES = tuple(1 << n for n in range(19, 25))  # parts of 512 KiB to 16 MiB
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20}


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry; offset and size in bytes. `line` is where it stands in the file, from 1."""

    name: str
    type: str
    subtype: str
    offset: int
    size: int
    flags: str
    line: int

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.offset + self.size

    def __str__(self) -> str:
        return f"{self.name} ({self.offset:#x}..{self.end:#x})"


@dataclass(frozen=True, slots=True)
class FlashMap:
    """A checked map: entries in order of offset, none overlapping; `size` of the flash in bytes."""

    partitions: tuple[Partition, ...]
    size: int

    def __iter__(self) -> Iterator[Partition]:
        return iter(self.partitions)

    def __getitem__(self, name: str) -> Partition:
        """The entry of that name. Raises FlashMapError."""
        for partition in self.partitions:
            if partition.name == name:
                return partition
        raise FlashMapError(f"the flash map has no partition '{name}'")

    @property
    def app(self) -> Partition:
        """The slot that updates replace (type app, subtype ota_0). Raises FlashMapError."""
        for partition in self.partitions:
            if (partition.type, partition.subtype) == ("app", "ota_0"):
                return partition
        raise FlashMapError("the flash map has no slot for updates (type app, subtype ota_0)")

    def overlapping(self, start: int, end: int) -> list[Partition]:
        """The entries that the bytes start..end (end excluded) touch."""
        return [p for p in self.partitions if p.offset < end and start < p.end]


def parse(text: str, *, flash_size: int | None = None, source: str = "") -> FlashMap:
    """The map that a CSV text describes (ESP-IDF's columns; numbers as 4096, 0x1000, 4K or 1M).

    `source` is the file's name, which errors then begin with.

    `flash_size` is the part's size in bytes; without it the flash ends where the last entry ends.
    Raises FlashMapError, with the line, for an entry that is malformed, not on 4 KiB borders,
    overlapping another, or too large for the flash or for what the chip can run from.
    """
    try:
        return _parse(text, flash_size)
    except FlashMapError as error:
        if not source:
            raise
        where = f"{source}:{error.line}" if error.line else source
        raise FlashMapError(f"{where}: {error}", error.line) from None


def _parse(text: str, flash_size: int | None) -> FlashMap:
    entries: list[Partition] = []
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.partition("#")[0].strip()
        if content:
            entry = _entry(content, number)
            _check_alone(entry)
            _check_against(entries, entry)
            entries.append(entry)
    if not entries:
        raise FlashMapError("the partition table has no entries")
    entries.sort(key=lambda entry: entry.offset)
    return FlashMap(tuple(entries), _flash_size(entries[-1], flash_size))


def _entry(content: str, line: int) -> Partition:
    fields = [field.strip() for field in content.split(",")]
    if not 5 <= len(fields) <= 6:
        raise FlashMapError(
            f"{len(fields)} columns; name, type, subtype, offset, size, flags are required", line
        )
    name, kind, subtype, offset, size, *flags = fields
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,15}", name):
        raise FlashMapError(f"name '{name}': up to 16 of a-z, 0-9 and _, a letter first", line)
    return Partition(
        name,
        kind,
        subtype,
        _number(offset, "offset", line),
        _number(size, "size", line),
        "".join(flags),
        line,
    )


def _number(text: str, what: str, line: int) -> int:
    match = re.fullmatch(r"(0[xX][0-9a-fA-F]+|[0-9]+)([KM]?)", text)
    if match is None:
        raise FlashMapError(f"{what} '{text}' is not a number such as 4096, 0x1000, 4K or 1M", line)
    digits, unit = match.groups()
    return int(digits, 16 if digits[:2].lower() == "0x" else 10) * _UNITS[unit]


def _check_alone(entry: Partition) -> None:
    for what, value in (("offset", entry.offset), ("size", entry.size)):
        if value % SECTOR:
            raise FlashMapError(
                f"{entry.name}: {what} {value:#x} is not a multiple of 4 KiB, a flash sector",
                entry.line,
            )
    if entry.size == 0:
        raise FlashMapError(f"{entry.name}: its size is 0", entry.line)
    if entry.type == "bootloader" and (entry.offset, entry.size) != (0, SECTOR):
        raise FlashMapError(f"{entry.name}: the bootloader has the sector at 0x0", entry.line)
    if entry.type == "app" and entry.offset // _WINDOW != (entry.end - 1) // _WINDOW:
        raise FlashMapError(
            f"{entry}: too large: the chip runs code from one aligned MiB of flash", entry.line
        )


def _check_against(entries: list[Partition], entry: Partition) -> None:
    for other in entries:
        if other.name == entry.name:
            raise FlashMapError(f"{entry.name}: named already in line {other.line}", entry.line)
        if other.offset < entry.end and entry.offset < other.end:
            raise FlashMapError(f"{entry} overlaps {other} of line {other.line}", entry.line)


def _flash_size(last: Partition, flash_size: int | None) -> int:
    limit = flash_size or max(_FLASH_SIZES)
    if last.end > limit:
        raise FlashMapError(f"{last}: too large: the flash ends at {limit:#x}", last.line)
    if flash_size is None and last.end not in _FLASH_SIZES:
        raise FlashMapError(
            f"{last}: the table ends at {last.end:#x}, which is no flash part's size "
            "(512 KiB, 1, 2, 4, 8 or 16 MiB)",
            last.line,
        )
    return flash_size or last.end


def header(flash_map: FlashMap) -> str:
    """The map as a C header: FLASH_SIZE, and FLASH_<NAME>_OFFSET and _SIZE for every entry."""
    lines = [
        "/* Made from partitions.csv by `python -m host.flash_maps header`. */",
        "#pragma once",
    ]
    lines.append(f"#define FLASH_SIZE {flash_map.size:#x}u")
    for entry in flash_map:
        lines.append(f"#define FLASH_{entry.name.upper()}_OFFSET {entry.offset:#x}u")
        lines.append(f"#define FLASH_{entry.name.upper()}_SIZE {entry.size:#x}u")
    return "\n".join(lines) + "\n"


def module(flash_map: FlashMap) -> str:
    """The map as a MicroPython module: SIZE, and <NAME>_OFFSET and _SIZE for every entry."""
    lines = [
        '"""Made from partitions.csv by `python -m host.flash_maps module`."""',
        "from micropython import const",
        "",
        f"SIZE = const({flash_map.size:#x})",
    ]
    for entry in flash_map:
        lines.append(f"{entry.name.upper()}_OFFSET = const({entry.offset:#x})")
        lines.append(f"{entry.name.upper()}_SIZE = const({entry.size:#x})")
    return "\n".join(lines) + "\n"
