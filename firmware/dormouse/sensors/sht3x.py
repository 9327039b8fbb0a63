"""SHT30, SHT31, SHT35 over I2C: temperature, humidity. Settings: `scl`, `sda`, `address` (0x44).

Commands and formulas are those of Sensirion's data sheet "SHT3x-DIS" (4.3, 4.13, table 4).
"""

from dormouse.sensors import Series
from dormouse.sensors.i2c_device import I2CDevice

# One measurement, high repeatability, no clock stretching.
_MEASURE = b"\x24\x00"
_MEASURE_MS = 16


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
        return values(self.device.words(2))


def values(words):
    """[degrees Celsius, percent] of raw words."""
    return [celsius(words[0]), 100 * words[1] / 65535]


def celsius(word: int) -> float:
    """Degrees Celsius of a raw word. Raises OSError for the ends of the converter's range."""
    if word in (0, 0xFFFF):
        raise OSError("no temperature: %04x" % word)
    return -45 + 175 * word / 65535
