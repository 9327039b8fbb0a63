"""A DS18B20's scratchpad, conversions and supply (data sheet 19-7487).

The scratchpad lives on while the microcontroller sleeps. Byte 6 is as measured on genuine parts:
0Ch at power-on, then 16 less the lowest four bits of the temperature.
"""

import utime
import world
from onewire_chip import OneWireChip, crc8

ROM = b"\x28\xff\x64\x1e\x8d\x3c\x0c\xda"
_CONVERT, _READ, _WRITE, _COPY, _RECALL, _SUPPLY = 0x44, 0xBE, 0x4E, 0x48, 0xB8, 0xB4
# 85 degrees, alarm limits as delivered, 12 bits.
_POWER_ON = b"\x50\x05\x4b\x46\x7f\xff\x0c\x10"


class Chip(OneWireChip):
    """`own` may have: `rom` (hex), `pin`, `temperature`, `powered`, `deaf` (it never begins a
    conversion), and what it then always says: `scratchpad`, hex of 8 bytes (their CRC is added) or
    of 9."""

    kind = "ds18b20"

    def __init__(self, own):
        self.own = own
        self.ready = None
        self.pending = bytearray()
        rom = own.get("rom")
        super().__init__(bytes.fromhex(rom) if rom else ROM)
        kept = world.chip_state("1w" + self.rom.hex())
        self.memory = bytearray(bytes.fromhex(kept) if kept else _POWER_ON)

    def present(self, pin):
        where = self.own.get("pin", world.get("onewire_pin"))
        return super().present(pin) and where in (None, pin)

    def scratchpad(self):
        fixed = self.own.get("scratchpad")
        data = bytes.fromhex(fixed) if fixed else bytes(self.memory)
        return data if len(data) == 9 else data + bytes([crc8(data)])

    def command(self, byte):
        self.take = None
        if byte == _CONVERT and not self.own.get("deaf"):
            # None is done within a slot, however short `convert_ms` is.
            self.out = [0]
            if self.own.get("powered", True):
                self.ready = utime.ticks_add(utime.ticks_ms(), world.get("convert_ms"))
            self._finish()
        elif byte == _READ:
            self._finish()
            self.send(self.scratchpad())
        elif byte == _WRITE:
            self.pending = bytearray()
            self.take = self._limits
        elif byte == _RECALL:
            self.memory[2:5] = _POWER_ON[2:5]
        elif byte == _SUPPLY:
            self.out = [1 if self.own.get("powered", True) else 0]

    def idle(self):
        """Low while it converts."""
        self._finish()
        return 1 if self.ready is None else 0

    def _limits(self, byte):
        self.pending.append(byte)
        if len(self.pending) == 3:
            self.take = None
            self.memory[2:5] = bytes([self.pending[0], self.pending[1], byte & 0x60 | 0x1F])
            self._keep()

    def _finish(self):
        if self.ready is None or utime.ticks_diff(utime.ticks_ms(), self.ready) < 0:
            return
        self.ready = None
        degrees = self.own.get("temperature")
        if degrees is None:
            degrees = world.measured("ds18b20", "temperature")
        raw = round(degrees * 16) & 0xFFFF
        self.memory[0], self.memory[1] = raw & 255, raw >> 8
        self.memory[6] = 16 - (raw & 15)
        self._keep()

    def _keep(self):
        world.keep_chip_state("1w" + self.rom.hex(), bytes(self.memory).hex())
