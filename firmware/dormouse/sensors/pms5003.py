"""PMS5003 (PMS7003, PMSA003) at the UART: particles. Settings: `rx` (3, or 13), `set`.

Its frames are those of Plantower's data sheet "PMS5003 series", appendix I: 42h 4Dh, length,
13 words, the sum of all bytes before.
"""

from dormouse.sensors.particles import Particles

_LENGTH = 32


class Sensor(Particles):
    """As it speaks by itself: its words for the atmosphere, in ug/m3."""

    def __init__(self, entry):
        super().__init__(entry, b"BM", _LENGTH)

    def whole(self, frame: bytes) -> bool:
        """Length and sum."""
        length, total = frame[2] << 8 | frame[3], frame[30] << 8 | frame[31]
        return length == _LENGTH - 4 and total == sum(frame[:30])

    def densities(self, frame: bytes):
        """(PM2.5, PM10)."""
        return frame[12] << 8 | frame[13], frame[14] << 8 | frame[15]
