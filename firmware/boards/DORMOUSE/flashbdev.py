"""Where the filesystem lies: in place of the port's module of this name.

The port takes what is behind the application up to the SDK's sectors, wherever that is; here it is
the partition `vfs` of partitions.csv, by the size of flash that the image at 0x0 says (esptool
wrote the flash map's size there).
"""

import esp

SECTOR = 4096
# Size of the flash: offset and size of `vfs` in partitions/1m.csv, 2m.csv, 4m.csv.
PLACES = {
    0x100000: (0xD5000, 0x26000),
    0x200000: (0x100000, 0xFB000),
    0x400000: (0x100000, 0x2FB000),
}
_COUNT, _SIZE, _ERASE = 4, 5, 6


class Partition:
    """Sectors of flash as a block device for littlefs; raises OSError outside of itself."""

    def __init__(self, offset: int, size: int):
        self.offset = offset
        self.size = size

    def _at(self, block: int, off: int, length: int) -> int:
        at = block * SECTOR + off
        if not 0 <= at <= self.size - length:
            raise OSError(22)
        return self.offset + at

    def readblocks(self, block, buf, off=0) -> None:
        """Fill `buf` from a block."""
        esp.flash_read(self._at(block, off, len(buf)), buf)

    def writeblocks(self, block, buf, off=None) -> None:
        """Write `buf` into a block; without an offset the block is erased first."""
        at = self._at(block, off or 0, len(buf))
        if off is None:
            esp.flash_erase(at // SECTOR)
        esp.flash_write(at, buf)

    def ioctl(self, op, arg):
        """The block device protocol: count and size of blocks, erase."""
        if op == _COUNT:
            return self.size // SECTOR
        if op == _SIZE:
            return SECTOR
        if op == _ERASE:
            esp.flash_erase(self._at(arg, 0, SECTOR) // SECTOR)
            return 0
        return None


_place = PLACES.get(esp.flash_size())
bdev = Partition(*_place) if _place else None
