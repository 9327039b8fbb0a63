"""SHT40, SHT41, SHT45 over I2C: temperature, humidity. Settings: `scl`, `sda`, `address` (0x44).

Commands and formulas are those of Sensirion's data sheet "SHT4x" (4.5, 4.6, table 5).
"""

from dormouse.sensors import sht3x

# One measurement, high precision.
_MEASURE = b"\xfd"
_MEASURE_MS = 9


class Sensor(sht3x.Sensor):
    """As an SHT3x, whose address, series and range of temperature it has."""

    def start(self) -> int:
        """Begin to measure."""
        self.device.write(_MEASURE)
        return _MEASURE_MS

    def read(self):
        """[degrees Celsius, percent]."""
        warm, wet = self.device.words(2)
        # Beyond 0..100 it is at that end, says the data sheet.
        return [sht3x.celsius(warm), min(100, max(0, -6 + 125 * wet / 65535))]
