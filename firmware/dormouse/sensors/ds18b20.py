"""DS18B20: temperature over 1-Wire.

Settings: `pin`, `rom` (16 hex digits; without it the first found), `clone` (1: take what a sensor
says whose scratchpad is not the data sheet's).

What its scratchpad holds is from Maxim's data sheet 19-7487, and for clones from Chris Petrich's
measurements of them (github.com/cpetrich/counterfeit_DS18B20).
"""

import time
from binascii import unhexlify

from micropython import const

from dormouse.sensors import Series
from dormouse.sensors.onewire_bus import OneWireBus, maxim_crc
from dormouse.sensors.waiting import pause

_CONVERT = const(0x44)
_READ = const(0xBE)
_SUPPLY = const(0xB4)
# 12-bit conversion, datasheet table 2.
_CONVERT_MS = const(750)
_POLL_MS = const(10)
# Family codes: DS18B20, DS1822, DS28EA00; DS18S20, which counts half degrees.
_HALVES = const(0x10)
_FAMILIES = (0x28, 0x22, 0x42, _HALVES)
# 85 degrees, which is what it holds when nothing was converted since it got power. Byte 6 tells:
# it is 0Ch then, and 16 less the lowest bits of the temperature after a conversion.
_POWER_ON = const(0x0550)
_POWER_ON_HALVES = const(0x00AA)
_BYTE_6_POWER_ON = const(0x0C)
_BYTE_6_OF_85 = const(0x10)
# What genuine ones hold after a conversion that failed for want of power.
_FAILED = const(0x07FF)


class Sensor:
    """One sensor; the conversion runs while WiFi associates."""

    deadline = None

    def __init__(self, entry):
        self.bus = OneWireBus(entry["pin"])
        rom = entry.get("rom")
        self.rom = unhexlify(rom) if rom else None
        self.clone = bool(entry.get("clone"))
        # Whose conversion began, and when; None when none did.
        self.converting: bytes | None = None
        self.began = time.ticks_ms()
        self.series = [Series("TemperatureSensor", "CurrentTemperature", 4, -55, 125)]

    def start(self) -> int:
        """Begin the conversion."""
        self.converting = None
        rom = self.rom or self._first()
        self.bus.select(rom)
        self.bus.write(_SUPPLY)
        if not self.bus.read_bit():
            if self.bus.held():
                raise self.bus.held_fault()
            raise self.bus.fault("on parasite power: give its VDD pin 3.3 V, data stays on %s")
        self.bus.select(rom)
        self.bus.write(_CONVERT)
        # 0 while it converts. Who did not hear the command holds the value before; some clones
        # never say it.
        if self.bus.read_bit() and not self.clone:
            raise self.bus.fault("the sensor on %s did not begin to measure: a disturbed line?")
        self.converting = rom
        self.began = time.ticks_ms()
        return _CONVERT_MS

    def _first(self) -> bytes:
        roms = self.bus.roms()
        for rom in roms:
            if rom[0] in _FAMILIES:
                return rom
        raise self.bus.fault("what is on %s is no DS18B20")

    def read(self):
        """[degrees Celsius]."""
        rom = self.converting
        if rom is None:
            raise OSError("no conversion was started")
        self.converting = None
        # It answers 0 while it converts; what it then holds is the value before.
        while time.ticks_diff(time.ticks_ms(), self.began) < _CONVERT_MS:
            if self.bus.read_bit():
                break
            if not pause(_POLL_MS, self.deadline):
                raise OSError("not ready: it takes 750 ms, deadline_ms is too short")
        self.bus.select(rom)
        self.bus.write(_READ)
        data = self.bus.read(9)
        if not any(data):
            raise self.bus.held_fault()
        if data == b"\xff" * 9:
            raise self.bus.fault("the sensor on %s does not answer: disconnected?")
        return [temperature(data, rom[0], self.clone)]


def temperature(data: bytes, family: int = 0x28, clone: bool = False) -> float:
    """Degrees Celsius of a scratchpad of 9 bytes. Raises OSError if it is not to be believed."""
    if maxim_crc(data):
        raise OSError("checksum: the line is disturbed, or several sensors answer at once")
    raw = data[1] << 8 | data[0]
    if family == _HALVES:
        if data[1] not in (0, 255):
            raise OSError("no temperature: %04x" % raw)
        if raw == _POWER_ON_HALVES and data[6] == _BYTE_6_POWER_ON:
            raise OSError(_NOTHING_CONVERTED)
        if not data[7] or data[6] > data[7]:
            raise OSError("not a DS18S20's scratchpad")
        return ((_signed(raw) >> 1) - 0.25) + (data[7] - data[6]) / data[7]
    if not clone and (data[5] != 0xFF or data[7] != 0x10 or data[4] & 0x9F != 0x1F):
        raise OSError(
            "a clone (scratchpad %02x %02x %02x): whether it measured cannot be told; "
            "its setting clone: 1 takes what it says" % (data[4], data[5], data[7])
        )
    if raw == _POWER_ON and data[6] != _BYTE_6_OF_85:
        raise OSError(_NOTHING_CONVERTED)
    if raw == _FAILED:
        raise OSError("the conversion failed: does it get enough power?")
    # The upper five bits are all the sign.
    if raw >> 11 not in (0, 31):
        raise OSError("no temperature: %04x" % raw)
    # Bits below the resolution say nothing.
    unused = 3 - (data[4] >> 5 & 3)
    return (_signed(raw) >> unused << unused) / 16


_NOTHING_CONVERTED = "85 degrees as at power-on: nothing was measured (power, or a loose wire?)"


def _signed(raw: int) -> int:
    return raw - 0x10000 if raw & 0x8000 else raw
