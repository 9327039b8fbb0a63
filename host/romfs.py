"""ROMFS: MicroPython's read-only filesystem, from which bytecode runs in place.

Images are made by MicroPython's own writer (mpremote's); reading follows its format: records of
kind, length and payload, numbers in groups of seven bits, the highest first.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from mpremote.romfs import make_romfs

from contracts.errors import NotAnImageError

__all__ = ["MAGIC", "ROOM", "build", "read"]

MAGIC = b"\xd2\xcd\x31"
ROOM = 320 << 10
"""Bytes that the FLASH_2M_ROMFS build of MicroPython has for it."""
_DATA, _DIRECTORY, _FILE = 2, 4, 5


def build(folder: Path) -> bytes:
    """The image of a folder, as it is: sorted by name, no times in it."""
    with contextlib.redirect_stdout(io.StringIO()):
        return bytes(make_romfs(str(folder), mpy_cross=False))


def read(image: bytes) -> dict[str, bytes]:
    """The files of an image, by path. Raises NotAnImageError for one that is cut short or damaged.

    What follows the image, as in a partition read from a board, is not looked at.
    """
    if not image.startswith(MAGIC):
        raise NotAnImageError("not a ROMFS image")
    length, at = _number(image, len(MAGIC))
    if at + length > len(image):
        raise NotAnImageError(f"the ROMFS image is cut short: {len(image)} of {at + length} bytes")
    files: dict[str, bytes] = {}
    _records(image[at : at + length], "", files)
    return files


def _records(data: bytes, folder: str, files: dict[str, bytes]) -> None:
    at = 0
    while at < len(data):
        kind, payload, at = _record(data, at)
        if kind not in {_DIRECTORY, _FILE}:
            continue
        length, start = _number(payload, 0)
        name = folder + payload[start : start + length].decode("ascii", "replace")
        content = payload[start + length :]
        if kind == _DIRECTORY:
            _records(content, name + "/", files)
        else:
            inner, files[name], _ = _record(content, 0)
            if inner != _DATA:
                raise NotAnImageError(f"the ROMFS image is damaged: {name} has no data")


def _record(data: bytes, at: int) -> tuple[int, bytes, int]:
    """Kind and payload of the record there, and where the next begins."""
    kind, at = _number(data, at)
    length, at = _number(data, at)
    if at + length > len(data):
        raise NotAnImageError("the ROMFS image is damaged: a record is longer than what holds it")
    return kind, data[at : at + length], at + length


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    while at < len(data):
        value = value << 7 | data[at] & 0x7F
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
    raise NotAnImageError("the ROMFS image is cut short")
