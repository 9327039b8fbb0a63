"""SHT40, SHT41, SHT45 over I2C: temperature, humidity. Settings: `scl`, `sda`, `address` (0x44).

Commands and formulas are those of Sensirion's data sheet "SHT4x" (4.5, 4.6, table 5).
"""

from dormouse.sensors import Series
from dormouse.sensors.i2c_device import I2CDevice
from dormouse.sensors.sht3x import celsius

# One measurement, high precision.
_MEASURE = b"\xfd"
_MEASURE_MS = 9


class Sensor:
    """One measurement when asked. What was not measured it does not answer, so nothing is old."""

    deadline = None

    def __init__(self, entry):
        self.device = I2CDevice(entry, 0x44)
        self.series = [
            Series("TemperatureSensor", "CurrentTemperature", 2, -40, 125),
            Series("HumiditySensor", "CurrentRelativeHumidity", 2, 0, 100),
        ]

    def start(self) -> int:
        """Begin to measure."""
        self.device.write(_MEASURE)
        return _MEASURE_MS

    def read(self):
        """[degrees Celsius, percent]."""
        warm, wet = self.device.words(2)
        # Beyond 0..100 it is at that end, says the data sheet.
        return [celsius(warm), min(100, max(0, -6 + 125 * wet / 65535))]
