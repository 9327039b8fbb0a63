"""Deep sleep with a choice for the radio, and what else firmware asks of the chip."""

import world

_FLASH = "../flash.bin"


def deepsleep(us=0, option=0):
    """`us` is a signed 32-bit number on the device."""
    if us > 0x7FFFFFFF:
        raise OverflowError("overflow converting long int to machine word")
    world.end(75, "sleep", str(us))


def osdebug(uart, level=0):
    pass


def flash_size():
    """As the image at 0x0 says: that of partitions.csv."""
    return 0x100000


def flash_read(offset, into):
    """Bytes of the part; erased where the device has none of its own (no bootloader)."""
    size = into if isinstance(into, int) else len(into)
    data = b""
    try:
        with open(_FLASH, "rb") as part:
            part.seek(offset)
            data = part.read(size)
    except OSError:
        pass
    data += b"\xff" * (size - len(data))
    if isinstance(into, int):
        return data
    into[:] = data
    return None


def flash_write(offset, data):
    """As the part does: bits are cleared, never set."""
    if offset % 4 or len(data) % 4:
        raise ValueError("len must be multiple of 4")
    with open(_FLASH, "r+b") as part:
        part.seek(offset)
        there = part.read(len(data))
        part.seek(offset)
        part.write(bytes([there[n] & data[n] for n in range(len(data))]))


def sleep_type(kind=None):
    return 0
