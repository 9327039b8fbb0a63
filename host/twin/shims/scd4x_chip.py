"""An SCD40 (Sensirion, "SCD4x"): measures every 5 s once it was told to, asleep or not.

While it does it takes no other commands than those that read and stop.
"""

import sensirion_chip
import utime
import world
from sensirion_chip import words

_EVERY_MS = 5000


class Chip(sensirion_chip.Chip):
    """Its periodic measurement, in real time; `carbon_dioxide` is in the world's values."""

    kind = "scd4x"

    def __init__(self):
        super().__init__()
        self.since = world.chip_state(self.kind)

    def _periods(self):
        now = utime.time_ns() // 1000000
        return 0 if self.since is None else (now - self.since) // _EVERY_MS

    def command(self, data):
        if data == b"\x3f\x86":
            self._begin(None)
        elif data == b"\x21\xb1" and self.since is None:
            self._begin(utime.time_ns() // 1000000)
        elif data == b"\x36\x82" and self.since is None:
            return 1, lambda: words(0xF896, 0x9F07, 0x3BBE)
        elif data == b"\xe4\xb8":
            return 1, lambda: words(0x8006 if self._periods() else 0x8000)
        elif data == b"\xec\x05":
            if not self._periods():
                return None
            return 1, self._measured
        return None

    def _begin(self, since):
        self.since = since
        world.keep_chip_state(self.kind, since)

    def _measured(self):
        carbon = round(world.measured(self.kind, "carbon_dioxide"))
        wet = round(world.measured(self.kind, "humidity") * 65535 / 100)
        return words(carbon, self.warm(), wet)
