"""AHT20 over I2C: temperature, humidity. Settings: `scl`, `sda`, `address` (0x38).

After Aosong's data sheet "AHT20" (5.3, 5.4, 6.1, 6.2); AHT10, which sends no checksum, is aht10.py.
"""

import time

from micropython import const

from dormouse.sensors import Series
from dormouse.sensors.checksum import sensirion_crc
from dormouse.sensors.i2c_device import I2CDevice

_INITIALISE = b"\xbe\x08\x00"
_MEASURE = b"\xac\x33\x00"
_MEASURE_MS = const(80)
_INITIALISE_MS = const(10)
_BUSY = const(0x80)
_CALIBRATED = const(0x08)
_FULL = 1 << 20


class Sensor:
    """One measurement when asked."""

    deadline = None
    initialise = _INITIALISE
    checked = True

    def __init__(self, entry):
        self.device = I2CDevice(entry, 0x38)
        self.series = [
            Series("TemperatureSensor", "CurrentTemperature", 2, -40, 85),
            Series("HumiditySensor", "CurrentRelativeHumidity", 2, 0, 100),
        ]

    def start(self) -> int:
        """Begin to measure; what it does not know from its power-on it is told."""
        if not self._status() & _CALIBRATED:
            self.device.write(self.initialise)
            time.sleep_ms(_INITIALISE_MS)
            if not self._status() & _CALIBRATED:
                raise OSError("it has no calibration: is it damaged?")
        self.device.write(_MEASURE)
        return _MEASURE_MS

    def _status(self) -> int:
        status = self.device.read(1)[0]
        if status == 0xFF:
            raise OSError("it answers nothing but ones: wiring?")
        return status

    def read(self):
        """[degrees Celsius, percent]."""
        data = self.device.read(7 if self.checked else 6)
        if data[0] & _BUSY:
            # What follows is the measurement before.
            raise OSError("it does not finish its measurement")
        if self.checked and sensirion_crc(data[:6]) != data[6]:
            raise OSError("checksum")
        if not data[0] & _CALIBRATED:
            # It was reset meanwhile, and holds no measurement.
            raise OSError("nothing measured: did it lose power?")
        wet = data[1] << 12 | data[2] << 4 | data[3] >> 4
        warm = (data[3] & 15) << 16 | data[4] << 8 | data[5]
        if warm in (0, _FULL - 1):
            raise OSError("no temperature: %05x" % warm)
        return [warm * 200 / _FULL - 50, wet * 100 / _FULL]
