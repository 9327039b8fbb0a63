"""DS18B20: 12 bits, 750 ms a conversion; without one it reads 85."""

import onewire
import utime
import world

ROM = b"\x28\xff\x64\x1e\x8d\x3c\x0c\x71"


class DS18X20:
    """The bus with one sensor, on any pin or on the world's `onewire_pin`."""

    def __init__(self, bus):
        self.pin = bus.pin.id
        self.ready = None

    def _absent(self):
        return "ds18b20" in world.get("missing") or world.get("onewire_pin") not in (None, self.pin)

    def scan(self):
        return [] if self._absent() else [bytearray(ROM)]

    def convert_temp(self):
        if self._absent():
            raise onewire.OneWireError
        self.ready = utime.ticks_add(utime.ticks_ms(), world.get("convert_ms"))

    def read_temp(self, rom):
        if bytes(rom) != ROM or self._absent():
            raise Exception("CRC error")
        if self.ready is None or utime.ticks_diff(utime.ticks_ms(), self.ready) < 0:
            return 85.0
        return round(world.measured("ds18b20", "temperature") * 16) / 16
