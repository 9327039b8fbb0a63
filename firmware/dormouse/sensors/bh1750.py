"""BH1750 over I2C: light. Settings: `scl`, `sda`, `address` (0x23).

Commands, times and formulas are those of ROHM's data sheet "BH1750FVI" (instruction set,
measurement time register).
"""

import time

from micropython import const

from dormouse.sensors import Series
from dormouse.sensors.i2c_device import I2CDevice
from dormouse.sensors.waiting import pause

_POWER_ON, _FORGET, _ONCE = b"\x01", b"\x07", b"\x20"
_MEASURE_MS = const(180)
# The measurement time register: as delivered, and the least, for bright sun.
_USUAL = const(69)
_LEAST = const(31)
_MOST = const(0xFFFF)


class Sensor:
    """One measurement when asked, another one less sensitive where that is too bright."""

    deadline = None

    def __init__(self, entry):
        self.device = I2CDevice(entry, 0x23)
        self.began = time.ticks_ms()
        self.series = [Series("LightSensor", "CurrentAmbientLightLevel", 1, 0, 100000)]

    def start(self) -> int:
        """Begin to measure."""
        self._begin(_USUAL)
        return _MEASURE_MS

    def _begin(self, time_register: int) -> None:
        self.device.write(_POWER_ON)
        # Else the value before could be taken for this one.
        self.device.write(_FORGET)
        self.device.write(bytes((0x40 | time_register >> 5,)))
        self.device.write(bytes((0x60 | time_register & 31,)))
        self.device.write(_ONCE)
        self.began = time.ticks_ms()

    def _counts(self) -> int:
        data = self.device.read(2)
        return data[0] << 8 | data[1]

    def read(self):
        """[lux]."""
        # Before it is done it holds 0, which is what darkness is.
        left = _MEASURE_MS - time.ticks_diff(time.ticks_ms(), self.began)
        if left > 0 and not pause(left, self.deadline):
            raise OSError("not ready: it takes 180 ms, deadline_ms is too short")
        counts, time_register = self._counts(), _USUAL
        if counts == _MOST:
            self._begin(_LEAST)
            if not pause(_MEASURE_MS, self.deadline):
                raise OSError("too bright: deadline_ms leaves no time to measure again")
            counts, time_register = self._counts(), _LEAST
        if counts == _MOST:
            raise OSError("nothing but ones: brighter than it can measure, or wiring")
        return [counts * _USUAL / (1.2 * time_register)]
