"""BMP280 over I2C: temperature and air pressure. Settings: `scl`, `sda`, `address` (0x76).

A BME280 at its place serves as well.
"""

from dormouse.sensors import bme280


class Sensor(bme280.Sensor):
    """A BME280's measurement, without humidity."""

    humid = False
