"""Programs and libraries without what nothing loads: names for debuggers, and section tables.

What the system maps of an ELF file its program headers name (elf(5)); what comes after the last of
that is for linkers and debuggers. Python's wheels bring a lot of it: 26 MB of an image. No tool of
the architecture is needed, and the same file gives the same bytes.
"""

from __future__ import annotations

import struct
from pathlib import Path

__all__ = ["loaded_size", "slim", "slim_all"]

# e_ident: magic, 64 bits, little-endian, as amd64 and arm64 have it.
_IDENT = b"\x7fELF\x02\x01"
_HEADER = 64
# In the header: e_phoff, e_shoff (u64); e_phentsize, e_phnum; e_shnum, e_shstrndx (u16).
_PHOFF, _SHOFF, _PHENTSIZE, _SHNUM = 32, 40, 54, 60
_PROGRAM = struct.Struct("<8xQ16xQ16x")  # p_offset, p_filesz


def loaded_size(content: bytes) -> int | None:
    """Bytes of an ELF file up to the end of what is loaded; None for any other file."""
    if len(content) < _HEADER or not content.startswith(_IDENT):
        return None
    (table,) = struct.unpack_from("<Q", content, _PHOFF)
    size, count = struct.unpack_from("<HH", content, _PHENTSIZE)
    if size != _PROGRAM.size or not count or table + count * size > len(content):
        return None
    end: int = max(_HEADER, table + count * size)
    for number in range(count):
        offset, length = _PROGRAM.unpack_from(content, table + number * size)
        end = max(end, offset + length)
    return end if end <= len(content) else None


def slim(content: bytes) -> bytes:
    """The file without what is not loaded; as it is where it is no ELF file, or has nothing."""
    end = loaded_size(content)
    if end is None or end == len(content):
        return content
    short = bytearray(content[:end])
    struct.pack_into("<Q", short, _SHOFF, 0)
    struct.pack_into("<HH", short, _SHNUM, 0, 0)
    return bytes(short)


def slim_all(folder: Path) -> int:
    """Every ELF file below a folder; how many bytes that saved."""
    saved = 0
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        with path.open("rb") as file:
            if file.read(len(_IDENT)) != _IDENT:
                continue
        content = path.read_bytes()
        short = slim(content)
        if len(short) < len(content):
            saved += len(content) - len(short)
            # A file of its own: what it is linked with elsewhere stays.
            mode = path.stat().st_mode
            path.unlink()
            path.write_bytes(short)
            path.chmod(mode)
    return saved
