"""What Sensirion's chips share: words with a checksum behind each, and no answer without one."""

import utime
import world
from i2c_bus import Nack


def crc8(data):
    """x^8 + x^5 + x^4 + 1 from FFh, as in the data sheets: 92h over BE EFh."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x131) & 0x1FF if crc & 0x80 else crc << 1
    return crc


def words(*values):
    """Words as they are sent."""
    out = bytearray()
    for value in values:
        pair = bytes([value >> 8, value & 255])
        out.extend(pair + bytes([crc8(pair)]))
    return bytes(out)


class Chip:
    """Answers to what it was told; commands are in subclasses, with milliseconds and answer."""

    kind = ""

    def __init__(self):
        self.answer = None
        self.ready = 0

    def write(self, data):
        known = self.command(bytes(data)) if data else None
        if known:
            self.ready = utime.ticks_add(utime.ticks_ms(), known[0])
            self.answer = known[1]

    def read(self, count):
        # As long as there is nothing, it does not acknowledge its address.
        if self.answer is None or utime.ticks_diff(utime.ticks_ms(), self.ready) < 0:
            raise Nack
        data, self.answer = self.answer(), None
        return (data + b"\xff" * count)[:count]

    def command(self, data):
        """(milliseconds, function that gives the answer) of a command; None without answer."""

    def warm(self):
        """The raw word of the temperature."""
        return round((world.measured(self.kind, "temperature") + 45) * 65535 / 175)
