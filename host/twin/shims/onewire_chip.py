"""A slave on a 1-Wire line, bit by bit: ROM commands here, function commands in its subclass.

After the data sheet of the DS18B20 (Maxim 19-7487), "1-Wire Bus System" and figure 11.
"""

import world

_SEARCH, _READ, _MATCH, _SKIP = 0xF0, 0x33, 0x55, 0xCC


def crc8(data):
    """Maxim's CRC: x^8 + x^5 + x^4 + 1, lowest bit first (application note 27)."""
    crc = 0
    for byte in data:
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if (crc ^ byte) & 1 else 0)
            byte >>= 1
    return crc


class OneWireChip:
    """`rom` is 8 bytes; `kind` names it in the world. Bits travel lowest first."""

    kind = ""

    def __init__(self, rom):
        self.rom = rom
        self.reset()

    def reset(self):
        """A reset pulse: whatever went on is over."""
        self.take = self._rom_command
        self.bits = []
        self.out = []

    def present(self, pin):
        return self.kind not in world.get("missing")

    def write(self, bit):
        """A write slot."""
        if self.take is None:
            return
        if self.take == self._search:
            self._search(bit)
            return
        self.bits.append(bit)
        if len(self.bits) == 8:
            byte = sum([b << i for i, b in enumerate(self.bits)])
            self.bits = []
            self.take(byte)

    def read(self):
        """A read slot; without anything to send the line stays high."""
        return self.out.pop(0) if self.out else self.idle()

    def idle(self):
        return 1

    def send(self, data):
        """Send bytes in the read slots to come."""
        self.out = [byte >> i & 1 for byte in data for i in range(8)]

    def command(self, byte):
        """A function command, or what follows it; subclasses know."""

    def _rom_command(self, byte):
        self.take = None
        if byte == _SKIP:
            self.take = self.command
        elif byte == _READ:
            self.take = self.command
            self.send(self.rom)
        elif byte == _MATCH:
            self.wanted = bytearray()
            self.take = self._match
        elif byte == _SEARCH:
            self.at = 0
            self.take = self._search
            self._offer()

    def _match(self, byte):
        self.wanted.append(byte)
        if len(self.wanted) == 8:
            self.take = self.command if self.wanted == self.rom else None

    def _bit(self):
        return self.rom[self.at >> 3] >> (self.at & 7) & 1

    def _offer(self):
        self.out = [self._bit(), 1 - self._bit()]

    def _search(self, bit):
        if bit != self._bit():
            self.take = None
            return
        self.at += 1
        if self.at < 64:
            self._offer()
        else:
            self.take = self.command
