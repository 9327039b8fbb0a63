"""A linked file's sections and symbols, by pyelftools."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from host.errors import HostError
from host.linked.errors import NotLinkedError, WrongMachineError

__all__ = ["ELF_MAGIC", "LinkedFile", "Section", "Symbol", "read"]

ELF_MAGIC = b"\x7fELF"
_XTENSA = "EM_XTENSA"


@dataclass(frozen=True, slots=True)
class Section:
    """A section that has a place in memory; `data` is empty for one that is only cleared (.bss)."""

    name: str
    address: int
    size: int
    data: bytes

    @property
    def end(self) -> int:
        """The first address after it."""
        return self.address + self.size


@dataclass(frozen=True, slots=True)
class Symbol:
    """A global symbol; `section` is empty for an absolute one, as linker scripts define them."""

    name: str
    address: int
    size: int
    section: str


@dataclass(frozen=True, slots=True)
class LinkedFile:
    """What was linked: sections with a place in memory, symbols by name, the entry's address."""

    entry: int
    sections: tuple[Section, ...]
    symbols: dict[str, Symbol]

    def section(self, name: str) -> Section:
        """The section of that name; an empty one at 0 where there is none."""
        return next((s for s in self.sections if s.name == name), Section(name, 0, 0, b""))

    def within(self, start: int, end: int) -> list[Section]:
        """The sections that touch the addresses start..end (end excluded), by address."""
        found = (s for s in self.sections if s.size and s.address < end and start < s.end)
        return sorted(found, key=lambda section: section.address)


def read(data: bytes) -> LinkedFile:
    """A linked file. Raises NotLinkedError, WrongMachineError for one of another kind of chip."""
    try:
        return _read(ELFFile(io.BytesIO(data)))
    except HostError:
        raise
    except Exception as error:  # noqa: BLE001  # of a damaged file pyelftools raises what it meets
        raise NotLinkedError(f"not a linked file, or a damaged one: {error}") from None


def _read(elf: ELFFile) -> LinkedFile:
    machine = elf.header["e_machine"]
    if machine != _XTENSA or not elf.little_endian or elf.elfclass != 32:
        raise WrongMachineError(f"linked for {machine}, not for the ESP8266's core")
    if elf.header["e_type"] != "ET_EXEC":
        raise NotLinkedError("an object file, not a linked one")
    names = [section.name for section in elf.iter_sections()]
    return LinkedFile(elf.header["e_entry"], tuple(_sections(elf)), dict(_symbols(elf, names)))


def _sections(elf: ELFFile) -> Iterator[Section]:
    for section in elf.iter_sections():
        if not section["sh_flags"] & 2:  # SHF_ALLOC
            continue
        cleared = section["sh_type"] == "SHT_NOBITS"
        data = b"" if cleared else section.data()
        yield Section(section.name, section["sh_addr"], section["sh_size"], data)


def _symbols(elf: ELFFile, names: list[str]) -> Iterator[tuple[str, Symbol]]:
    table = elf.get_section_by_name(".symtab")
    if not isinstance(table, SymbolTableSection):
        raise NotLinkedError("its symbols are stripped: nothing can be checked")
    for symbol in table.iter_symbols():
        index = symbol["st_shndx"]
        if not symbol.name or index == "SHN_UNDEF":
            continue
        section = names[index] if isinstance(index, int) and index < len(names) else ""
        yield symbol.name, Symbol(symbol.name, symbol["st_value"], symbol["st_size"], section)
