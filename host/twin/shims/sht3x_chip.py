"""An SHT31 (Sensirion, "SHT3x-DIS")."""

import sensirion_chip
import world


class Chip(sensirion_chip.Chip):
    """Single shots and the status register."""

    kind = "sht3x"

    def command(self, data):
        if data == b"\x24\x00":
            return 13, self._measured
        if data == b"\xf3\x2d":
            return 0, lambda: sensirion_chip.words(0x8010)
        return None

    def _measured(self):
        wet = round(world.measured(self.kind, "humidity") * 65535 / 100)
        return sensirion_chip.words(self.warm(), wet)
