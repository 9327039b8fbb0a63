"""BME280 over I2C: temperature, humidity, air pressure. Settings: `scl`, `sda`, `address` (0x76).

A BMP280 at its place is found out by its chip id: it has no humidity.

Registers, timing and compensation are those of the datasheet (BST-BME280-DS002, 4.2.3 for the
integer formulas, 5.3 for the registers, 9.1 for the time; BST-BMP280-DS001 has the same but for
humidity). Integers, since the device's floats have 22 bits of mantissa, too few for the pressure.
"""

import struct
import time

from micropython import const

from dormouse.sensors import Series
from dormouse.sensors.i2c_device import I2CDevice

_ID = const(0xD0)
_RESET = const(0xE0)
_CTRL_HUM = const(0xF2)
_STATUS = const(0xF3)
_CTRL_MEAS = const(0xF4)
_DATA = const(0xF7)
_BME280, _BMP280, _BME680 = (0x60,), (0x58, 0x57, 0x56), (0x61,)
_DO_RESET = const(0xB6)
_RESET_MS = const(2)
_MEASURING = const(0x08)
_UPDATING = const(0x01)
# Oversampling 1 of each, one measurement, then asleep again ("forced mode").
_ONCE = const(0b001_001_01)
# 1.25 + 2.3 + 2.3 + 0.575 + 2.3 + 0.575 ms at most.
_MEASURE_MS = const(10)
# What the data registers hold for a quantity that was not measured, as after a reset.
_SKIPPED_20 = const(0x80000)
_SKIPPED_16 = const(0x8000)
# The ends of the converter's range are no measurement.
_ENDS_20, _ENDS_16 = (0, 0xFFFFF), (0, 0xFFFF)


class Sensor:
    """One sensor in forced mode."""

    deadline = None
    humid = True

    def __init__(self, entry):
        self.device = I2CDevice(entry, 0x76)
        # Which it is, once it was asked, and measures.
        self.chip = 0
        self.notes: list = []
        self.series = [
            Series("TemperatureSensor", "CurrentTemperature", 2, -40, 85),
            # Not HomeKit's own: the hub knows it as a vendor's. Hectopascal.
            Series("AirPressureSensor", "AirPressure", 2, 300, 1100),
        ]
        if self.humid:
            humidity = Series("HumiditySensor", "CurrentRelativeHumidity", 2, 0, 100)
            self.series.insert(1, humidity)

    def start(self) -> int:
        """Begin one measurement."""
        self.chip = 0
        self.notes = []
        chip = self.device.registers(_ID, 1)[0]
        if chip not in _BME280 + _BMP280:
            raise OSError(_stranger(chip, self.device.address))
        if self.humid and chip in _BMP280:
            self.notes = ["this is a BMP280: it measures no humidity"]
        # Then what it measured before is gone: should it not take what follows, it says nothing.
        self.device.set_register(_RESET, _DO_RESET)
        time.sleep_ms(_RESET_MS)
        if chip in _BME280:
            self.device.set_register(_CTRL_HUM, 1)
        self.device.set_register(_CTRL_MEAS, _ONCE)
        self.chip = chip
        return _MEASURE_MS

    def read(self):
        """[degrees Celsius, percent, hectopascal], without percent for a BMP280."""
        if not self.chip:
            raise OSError("no measurement was started")
        humid = self.chip in _BME280
        self.chip = 0
        self._wait()
        low = self.device.registers(0x88, 26)
        high = self.device.registers(0xE1, 7) if humid else b""
        d = self.device.registers(_DATA, 8 if humid else 6)
        p = d[0] << 12 | d[1] << 4 | d[2] >> 4
        t = d[3] << 12 | d[4] << 4 | d[5] >> 4
        h = d[6] << 8 | d[7] if humid else _SKIPPED_16
        c = struct.unpack("<HhhHhhhhhhhh", low[:24])
        blank = b"\xff" * 24
        if not (c[0] and c[1] and c[3]) or low[:24] == blank:
            raise OSError("its calibration cannot be read: is it damaged?")
        if t == _SKIPPED_20:
            raise OSError("nothing measured")
        if t in _ENDS_20:
            raise OSError("no temperature: %05x" % t)
        fine = fine_temperature(t, *c[:3])
        values: list = [((fine * 5 + 128) >> 8) / 100]
        if self.humid:
            values.append(None)
            # H2 is the slope: without it all air is dry.
            if humid and (h == _SKIPPED_16 or h in _ENDS_16 or high[:2] in (b"\0\0", blank[:2])):
                self.notes.append("no humidity: %04x" % h)
            elif humid:
                values[1] = humidity(h, fine, low[25], high) / 1024
        values.append(None)
        if p == _SKIPPED_20 or p in _ENDS_20:
            self.notes.append("no pressure: %05x" % p)
        else:
            values[-1] = pressure(p, fine, c[3:]) / 25600
        return values

    def _wait(self) -> None:
        """Until the measurement is done: before, the registers hold the one before."""
        for _ in range(_MEASURE_MS):
            if not self.device.registers(_STATUS, 1)[0] & (_MEASURING | _UPDATING):
                return
            time.sleep_ms(1)
        raise OSError("it does not finish its measurement")


def _stranger(chip: int, address: int) -> str:
    if chip in (0, 255):
        return "its chip id reads %02x: SDA held, or power?" % chip
    name = "a BME680" if chip in _BME680 else "another chip (id %02x)" % chip
    return "%s at 0x%02x, not a BME280 or BMP280" % (name, address)


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
