"""A linked file for a person, and for a build that must not go on with a bad one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from contracts.flash_map import FlashMap
from host import files
from host.linked.checks import Program, faults, rooms
from host.linked.elf import LinkedFile, read
from host.linked.errors import LinkError

__all__ = ["check", "describe", "program_of"]


def program_of(linked: LinkedFile) -> Program:
    """Which program it is, by what only MicroPython has."""
    return Program.APPLICATION if "mp_init" in linked.symbols else Program.OTA_SERVER


def describe(
    linked: LinkedFile, program: Program, flash_map: FlashMap
) -> Iterator[tuple[str, str]]:
    """What there is to say about a linked file, as (name, value) pairs."""
    for room in rooms(linked, program, flash_map):
        yield room.name, str(room)
    heap = linked.symbols.get("heap")
    if heap and program is Program.APPLICATION:
        yield "heap", f"{heap.size} bytes for Python"
    found = faults(linked, program, flash_map)
    if not any("ExceptionVector" in fault for fault in found):
        yield "vectors", "the SDK's, at the start of IRAM"
    for fault in found:
        yield "WRONG", fault


def check(path: Path, program: Program, flash_map: FlashMap) -> LinkedFile:
    """The file, which may be flashed. Raises NotLinkedError, WrongMachineError, LinkError."""
    linked = read(files.read(path))
    if found := faults(linked, program, flash_map):
        raise LinkError(f"{path}: {found[0]}")
    return linked
