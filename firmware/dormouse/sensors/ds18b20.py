"""DS18B20: temperature over 1-Wire.

Settings: `pin`, `rom` (16 hex digits; without it the first found).
"""

from binascii import unhexlify

import ds18x20
import onewire
from machine import Pin

from dormouse.sensors import Series

# 12-bit conversion, datasheet table 2.
_CONVERT_MS = 750
# What the scratchpad holds when there was no conversion, datasheet figure 7.
_NOT_CONVERTED = 85.0


class Sensor:
    """One sensor; the conversion runs while WiFi associates."""

    def __init__(self, entry):
        self.bus = ds18x20.DS18X20(onewire.OneWire(Pin(entry["pin"])))
        rom = entry.get("rom")
        self.rom = unhexlify(rom) if rom else None
        self.series = [Series("TemperatureSensor", "CurrentTemperature", 4, -55, 125)]

    def start(self) -> int:
        """Begin the conversion."""
        self.bus.convert_temp()
        return _CONVERT_MS

    def read(self):
        """[degrees Celsius]."""
        rom = self.rom
        if rom is None:
            found = self.bus.scan()
            if not found:
                raise OSError("no sensor on the bus")
            rom = found[0]
        value = self.bus.read_temp(rom)
        return [None if value == _NOT_CONVERTED else value]
