"""DS18B20: 12 bits, 750 ms a conversion; without one it reads 85."""

import onewire
import utime
import world

ROM = b"\x28\xff\x64\x1e\x8d\x3c\x0c\x71"


class DS18X20:
    """The bus with one sensor."""

    def __init__(self, bus):
        self.ready = None

    def scan(self):
        return [] if "ds18b20" in world.get("missing") else [bytearray(ROM)]

    def convert_temp(self):
        if "ds18b20" in world.get("missing"):
            raise onewire.OneWireError
        self.ready = utime.ticks_add(utime.ticks_ms(), world.get("convert_ms"))

    def read_temp(self, rom):
        if bytes(rom) != ROM or "ds18b20" in world.get("missing"):
            raise Exception("CRC error")
        if self.ready is None or utime.ticks_diff(utime.ticks_ms(), self.ready) < 0:
            return 85.0
        return round(world.measured("ds18b20", "temperature") * 16) / 16
