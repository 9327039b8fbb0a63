"""The security counter: images with a lower one are not started any more (docs/images.md).

It stands in flash before the application's slot, as entries of two words: a value and its
complement. The highest value of a whole entry counts. A new one goes into erased bytes, so nothing
is ever erased, and one that a power cut has torn is passed over.
"""

import struct

import esp

SLOT = 0x3C000
"""Where the application begins in flash, on every layout (`app` in partitions/*.csv)."""
SIZE = 2048
"""Bytes before it that are the counter's."""
_ENTRY = 8
_ERASED = b"\xff" * _ENTRY
_PIECE = 256
# Our OTA server says at the beginning of its text that it leaves that place alone; in another
# bootloader there may be code.
_TEXT_AT, _TEXT_SIZE = 0x9000, 512
_MARKER = b"dormouse security counter;"
_SIZE_AT = 0x8FFC
_SIZE_MAX = 800_000
_MD5_SIZE = 16
_MAGIC = b"DORMOUSE"
# In the trailer: the signature's length, the last byte of the board's name, the counter.
_LENGTH_AT, _BOARD_END, _COUNTER_AT, _TRAILER_SIZE = 10, 75, 76, 80


def of_image() -> int:
    """The counter of the image in the slot, which is the one that runs; 0 if it has none."""
    (size,) = struct.unpack("<I", esp.flash_read(SLOT + _SIZE_AT, 4))
    if size > _SIZE_MAX:
        return 0
    trailer = esp.flash_read(SLOT + (size + _MD5_SIZE + 3 & ~3), _TRAILER_SIZE)
    length, counter = struct.unpack_from("<H", trailer, _LENGTH_AT)[0], trailer[_COUNTER_AT:]
    if trailer[:8] != _MAGIC or not length or trailer[_BOARD_END]:
        return 0
    return struct.unpack("<I", counter)[0]


def stored() -> int:
    """The highest counter of an image that was confirmed here; 0 if there was none."""
    return max(_values())


def due() -> int:
    """The running image's counter, if it is to be stored when the broker was reached; else 0."""
    if _MARKER not in esp.flash_read(_TEXT_AT, _TEXT_SIZE):
        return 0
    counter = of_image()
    return counter if counter > stored() else 0


def store(counter: int) -> bool:
    """Add an entry; False if there is no room, or flash does not keep it. Raises OSError."""
    entry = struct.pack("<II", counter, counter ^ 0xFFFFFFFF)
    for at in range(SLOT - SIZE, SLOT, _ENTRY):
        if esp.flash_read(at, _ENTRY) == _ERASED:
            esp.flash_write(at, entry)
            return esp.flash_read(at, _ENTRY) == entry
    return False


def _values():
    """0, and the value of every whole entry."""
    yield 0
    for at in range(SLOT - SIZE, SLOT, _PIECE):
        piece = esp.flash_read(at, _PIECE)
        for offset in range(0, _PIECE, _ENTRY):
            value, complement = struct.unpack_from("<II", piece, offset)
            if value ^ complement == 0xFFFFFFFF:
                yield value
