"""BME280 over I2C: temperature, humidity, air pressure. Settings: `scl`, `sda`, `address` (0x76).

Registers, timing and compensation are those of the datasheet (BST-BME280-DS002, 4.2.3 for the
integer formulas, 5.3 for the registers, 9.1 for the time). Integers, since the device's floats have
22 bits of mantissa, too few for the pressure.
"""

import struct

from machine import I2C, Pin

from dormouse.sensors import Series

_ID, _CTRL_HUM, _CTRL_MEAS, _DATA = 0xD0, 0xF2, 0xF4, 0xF7
_CHIP = 0x60
# Oversampling 1 of each, one measurement, then asleep again ("forced mode").
_ONCE = 0b001_001_01
# 1.25 + 2.3 + 2.3 + 0.575 + 2.3 + 0.575 ms at most.
_MEASURE_MS = 10
# What the data registers hold for a quantity that was not measured.
_SKIPPED_20, _SKIPPED_16 = 0x80000, 0x8000


class Sensor:
    """One sensor in forced mode."""

    def __init__(self, entry):
        self.i2c = I2C(scl=Pin(entry["scl"]), sda=Pin(entry["sda"]))
        self.address = entry.get("address", 0x76)
        self.series = [
            Series("TemperatureSensor", "CurrentTemperature", 2, -40, 85),
            Series("HumiditySensor", "CurrentRelativeHumidity", 2, 0, 100),
            # Not HomeKit's own: the hub knows it as a vendor's. Hectopascal.
            Series("AirPressureSensor", "AirPressure", 2, 300, 1100),
        ]

    def _registers(self, start: int, count: int) -> bytes:
        return self.i2c.readfrom_mem(self.address, start, count)

    def start(self) -> int:
        """Begin one measurement."""
        if self._registers(_ID, 1)[0] != _CHIP:
            raise OSError("no BME280 at this address")
        self.i2c.writeto_mem(self.address, _CTRL_HUM, b"\x01")
        self.i2c.writeto_mem(self.address, _CTRL_MEAS, bytes((_ONCE,)))
        return _MEASURE_MS

    def read(self):
        """[degrees Celsius, percent, hectopascal]."""
        low = self._registers(0x88, 26)
        high = self._registers(0xE1, 7)
        d = self._registers(_DATA, 8)
        p = d[0] << 12 | d[1] << 4 | d[2] >> 4
        t = d[3] << 12 | d[4] << 4 | d[5] >> 4
        h = d[6] << 8 | d[7]
        if t == _SKIPPED_20:
            raise OSError("nothing measured")
        coefficients = struct.unpack("<HhhHhhhhhhhh", low[:24])
        fine = fine_temperature(t, *coefficients[:3])
        return [
            ((fine * 5 + 128) >> 8) / 100,
            None if h == _SKIPPED_16 else humidity(h, fine, low[25], high) / 1024,
            None if p == _SKIPPED_20 else pressure(p, fine, coefficients[3:]) / 25600,
        ]


def fine_temperature(raw: int, t1: int, t2: int, t3: int) -> int:
    """t_fine: degrees Celsius times 5120."""
    a = (((raw >> 3) - (t1 << 1)) * t2) >> 11
    b = (((((raw >> 4) - t1) * ((raw >> 4) - t1)) >> 12) * t3) >> 14
    return a + b


def pressure(raw: int, fine: int, c) -> int:
    """Pascal times 256; `c` is P1..P9."""
    a = fine - 128000
    b = a * a * c[5] + ((a * c[4]) << 17) + (c[3] << 35)
    a = ((a * a * c[2]) >> 8) + ((a * c[1]) << 12)
    a = (((1 << 47) + a) * c[0]) >> 33
    if a <= 0:
        return 0
    p = (((1048576 - raw) << 31) - b) * 3125 // a
    return ((p + ((c[8] * (p >> 13) * (p >> 13)) >> 25) + ((c[7] * p) >> 19)) >> 8) + (c[6] << 4)


def humidity(raw: int, fine: int, h1: int, high: bytes) -> int:
    """Percent times 1024; `high` is the registers 0xE1..0xE7 (H2..H6)."""
    h2, h3 = struct.unpack("<hB", high[:3])
    h4 = _signed(high[3], 8) << 4 | high[4] & 15
    h5 = _signed(high[5], 8) << 4 | high[4] >> 4
    h6 = _signed(high[6], 8)
    v = fine - 76800
    left = ((raw << 14) - (h4 << 20) - h5 * v + 16384) >> 15
    right = (((((v * h6) >> 10) * (((v * h3) >> 11) + 32768)) >> 10) + 2097152) * h2 + 8192
    v = left * (right >> 14)
    v -= ((((v >> 15) * (v >> 15)) >> 7) * h1) >> 4
    return min(max(v, 0), 419430400) >> 12


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value
