"""A BME280's registers: calibration, and raw values that compensate to what the world says.

The compensation here is the datasheet's floating-point form (BST-BME280-DS002, 8.1); the driver
under test uses the integer form.
"""

import struct

import utime
import world
from i2c_bus import Registers

# A plausible calibration; T1..T3 and P1..P9 are the datasheet's example (BMP280, 3.12).
_T = (27504, 26435, -1000)
_P = (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
_H = (75, 362, 0, 322, 50, 30)


def _temperature(raw):
    a = (raw / 16384 - _T[0] / 1024) * _T[1]
    b = (raw / 131072 - _T[0] / 8192) ** 2 * _T[2]
    return a + b


def _pressure(raw, fine):
    a = fine / 2 - 64000
    b = a * a * _P[5] / 32768
    b = b + a * _P[4] * 2
    b = b / 4 + _P[3] * 65536
    a = (_P[2] * a * a / 524288 + _P[1] * a) / 524288
    a = (1 + a / 32768) * _P[0]
    p = (1048576 - raw - b / 4096) * 6250 / a
    return p + (_P[8] * p * p / 2147483648 + p * _P[7] / 32768 + _P[6]) / 16


def _humidity(raw, fine):
    h = fine - 76800
    h = (raw - (_H[3] * 64 + _H[4] / 16384 * h)) * (
        _H[1] / 65536 * (1 + _H[5] / 67108864 * h * (1 + _H[2] / 67108864 * h))
    )
    return h * (1 - _H[0] * h / 524288)


def _invert(function, wanted, bits):
    """The raw value that `function` (monotonic) maps nearest to `wanted`."""
    low, high = 0, (1 << bits) - 1
    rising = function(high) > function(low)
    while high - low > 1:
        middle = (low + high) // 2
        if (function(middle) < wanted) == rising:
            low = middle
        else:
            high = middle
    return low if abs(function(low) - wanted) < abs(function(high) - wanted) else high


class Chip(Registers):
    """Sleeps until forced mode is written, then holds one measurement until the next."""

    chip_id = 0x60
    kind = "bme280"

    def __init__(self):
        super().__init__()
        self.power_on()
        kept = world.chip_state(self.kind)
        if kept:
            self.registers[0xF2:0xFF] = bytes.fromhex(kept)

    def power_on(self):
        """What the registers hold then, or after a reset by command."""
        self.ready = None
        for i in range(256):
            self.registers[i] = 0
        self.registers[0xD0] = self.chip_id
        struct.pack_into("<Hhh", self.registers, 0x88, *_T)
        struct.pack_into("<Hhhhhhhhh", self.registers, 0x8E, *_P)
        self.registers[0xF7:0xFD] = b"\x80\0\0\x80\0\0"
        self.add_humidity()

    def add_humidity(self):
        self.registers[0xA1] = _H[0]
        struct.pack_into("<hB", self.registers, 0xE1, _H[1], _H[2])
        self.registers[0xE4] = _H[3] >> 4 & 255
        self.registers[0xE5] = _H[3] & 15 | (_H[4] & 15) << 4
        self.registers[0xE6] = _H[4] >> 4 & 255
        self.registers[0xE7] = _H[5] & 255
        self.registers[0xFD] = 0x80

    def store(self, register, byte):
        if register == 0xE0 and byte == 0xB6:
            self.power_on()
        elif 0xF2 <= register <= 0xF5:
            self.registers[register] = byte
        if register == 0xF4 and byte & 3 in (1, 2):
            self.ready = utime.ticks_add(utime.ticks_ms(), 8)
            self.registers[0xF3] |= 8

    def refresh(self):
        if self.ready is not None and utime.ticks_diff(utime.ticks_ms(), self.ready) >= 0:
            self.ready = None
            self._measure()
            world.keep_chip_state(self.kind, bytes(self.registers[0xF2:0xFF]).hex())

    def _measure(self):
        t = _invert(_temperature, world.measured(self.kind, "temperature") * 5120, 20)
        fine = _temperature(t)
        pascal = world.measured(self.kind, "pressure") * 100
        p = _invert(lambda raw: _pressure(raw, fine), pascal, 20)
        data = (p >> 12, p >> 4 & 255, (p & 15) << 4, t >> 12, t >> 4 & 255, (t & 15) << 4)
        self.registers[0xF7:0xFD] = bytes(data)
        self.measure_humidity(fine)
        self.registers[0xF3] &= 0xF7
        self.registers[0xF4] &= 0xFC

    def measure_humidity(self, fine):
        h = 0x8000
        if self.registers[0xF2] & 7:
            percent = world.measured(self.kind, "humidity")
            h = _invert(lambda raw: _humidity(raw, fine), percent, 16)
        self.registers[0xFD], self.registers[0xFE] = h >> 8, h & 255
