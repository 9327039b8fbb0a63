"""An SHT40 (Sensirion, "SHT4x")."""

import sensirion_chip
import world


class Chip(sensirion_chip.Chip):
    """Its measurement of high precision, and its serial number."""

    kind = "sht4x"

    def command(self, data):
        if data == b"\xfd":
            return 7, self._measured
        if data == b"\x89":
            return 0, lambda: sensirion_chip.words(0x0F4C, 0x2A11)
        return None

    def _measured(self):
        wet = round((world.measured(self.kind, "humidity") + 6) * 65535 / 125)
        return sensirion_chip.words(self.warm(), wet)
