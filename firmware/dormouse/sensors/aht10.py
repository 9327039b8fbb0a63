"""AHT10 over I2C: temperature, humidity. Settings: `scl`, `sda`, `address` (0x38)."""

from dormouse.sensors import aht20


class Sensor(aht20.Sensor):
    """An AHT20 with another command to begin with, and no checksum."""

    initialise = b"\xe1\x08\x00"
    checked = False
