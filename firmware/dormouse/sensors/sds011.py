"""SDS011 at the UART: particles. Settings: `rx` (3, or 13), `set`.

Its frames are those of Nova Fitness' data sheet "SDS011": AAh C0h, PM2.5 and PM10 in tenths of
ug/m3 (low byte first), two bytes of id, the sum of those six, ABh.
"""

from dormouse.sensors.particles import Particles

_LENGTH = 10


class Sensor(Particles):
    """As it speaks by itself, once a second."""

    def __init__(self, entry):
        super().__init__(entry, b"\xaa\xc0", _LENGTH)

    def whole(self, frame: bytes) -> bool:
        """Sum and tail."""
        return frame[9] == 0xAB and frame[8] == sum(frame[2:8]) & 255

    def densities(self, frame: bytes):
        """(PM2.5, PM10)."""
        return (frame[2] | frame[3] << 8) / 10, (frame[4] | frame[5] << 8) / 10
