"""Where the filesystem lies: in place of the port's module of this name.

The port takes what is behind the application up to the SDK's sectors, wherever that is; here it is
the partition `vfs` of partitions.csv, by the size of flash that the image at 0x0 says (esptool
wrote the flash map's size there).
"""

import esp

# Size of the flash: offset and size of `vfs` in partitions/1m.csv, 2m.csv, 4m.csv.
PLACES = {
    0x100000: (0xD5000, 0x26000),
    0x200000: (0x100000, 0xFB000),
    0x400000: (0x100000, 0x2FB000),
}
_COUNT, _SIZE, _ERASE = 4, 5, 6


class FlashBdev:
    """Sectors of flash as a block device for littlefs; raises OSError outside of itself.

    Class and attributes have the port's names: its start-up modules and its documentation use
    them.
    """

    SEC_SIZE = 4096

    def __init__(self, start_sec: int, blocks: int):
        self.start_sec = start_sec
        self.blocks = blocks

    def _at(self, block: int, off: int, length: int) -> int:
        at = block * self.SEC_SIZE + off
        if not 0 <= at <= self.blocks * self.SEC_SIZE - length:
            raise OSError(22)
        return self.start_sec * self.SEC_SIZE + at

    def readblocks(self, block, buf, off=0) -> None:
        """Fill `buf` from a block."""
        esp.flash_read(self._at(block, off, len(buf)), buf)

    def writeblocks(self, block, buf, off=None) -> None:
        """Write `buf` into a block; without an offset the block is erased first."""
        at = self._at(block, off or 0, len(buf))
        if off is None:
            esp.flash_erase(at // self.SEC_SIZE)
        esp.flash_write(at, buf)

    def ioctl(self, op, arg):
        """The block device protocol: count and size of blocks, erase."""
        if op == _COUNT:
            return self.blocks
        if op == _SIZE:
            return self.SEC_SIZE
        if op == _ERASE:
            esp.flash_erase(self._at(arg, 0, self.SEC_SIZE) // self.SEC_SIZE)
            return 0
        return None


_place = PLACES.get(esp.flash_size())
bdev = _place and FlashBdev(_place[0] // FlashBdev.SEC_SIZE, _place[1] // FlashBdev.SEC_SIZE)
