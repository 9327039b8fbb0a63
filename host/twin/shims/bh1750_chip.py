"""A BH1750 (ROHM): one measurement in its own time; the value before until then."""

import utime
import world


class Chip:
    """Counts of light; `light` (lux) is in the world's values."""

    def __init__(self):
        self.on = False
        self.time_register = 69
        kept = world.chip_state("bh1750")
        self.counts = kept or 0
        self.ready = None

    def write(self, data):
        command = data[0] if data else 0
        if command <= 1:
            self.on = bool(command)
        elif command == 0x07 and self.on:
            self.counts = 0
        elif command >> 3 == 0x08:
            self.time_register = self.time_register & 31 | (command & 7) << 5
        elif command >> 5 == 0x03:
            self.time_register = self.time_register & 0xE0 | command & 31
        elif command == 0x20:
            ms = 120 * self.time_register // 69
            self.ready = utime.ticks_add(utime.ticks_ms(), ms)

    def read(self, count):
        if self.ready is not None and utime.ticks_diff(utime.ticks_ms(), self.ready) >= 0:
            self.ready = None
            self.on = False
            lux = world.measured("bh1750", "light")
            self.counts = min(0xFFFF, round(lux * 1.2 * self.time_register / 69))
            world.keep_chip_state("bh1750", self.counts)
        return bytes([self.counts >> 8, self.counts & 255])[:count]
