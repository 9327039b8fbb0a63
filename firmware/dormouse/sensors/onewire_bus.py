"""The 1-Wire bus on the port's own primitives: resets, ROMs, bytes.

Commands and search are those of Maxim's data sheets and application note 187.
"""

import _onewire
from machine import Pin
from micropython import const

_SEARCH = const(0xF0)
_MATCH = const(0x55)
_SKIP = const(0xCC)
# More on one pin of ours is no bus any more, but a line that is held.
_MOST = const(32)


class OneWireBus:
    """The bus on a pin. Raises OSError with a text for people."""

    def __init__(self, number: int):
        self.number = number
        self.pin = Pin(number, Pin.OPEN_DRAIN, Pin.PULL_UP)

    def fault(self, text: str) -> OSError:
        """An error that names the pin."""
        from dormouse.sensors.faults import pins

        return OSError(text % pins(self.number))

    def reset(self) -> None:
        """Reset the bus; somebody must say that he is there."""
        if not _onewire.reset(self.pin):
            raise self.fault("no sensor answers on %s: wiring, or no pull-up of 4.7k?")

    def held(self) -> bool:
        """Whether the line is held low: then everybody seems to be there, and says 0."""
        # After a reset nobody may pull it low but for a 0, and nobody was asked.
        return _onewire.reset(self.pin) and not _onewire.readbit(self.pin)

    def held_fault(self) -> OSError:
        """The error for that."""
        return self.fault("the line on %s is held low: a short, or wired the wrong way round?")

    def select(self, rom=None) -> None:
        """Speak to the sensor with that ROM; to all of them without."""
        self.reset()
        if rom is None:
            _onewire.writebyte(self.pin, _SKIP)
            return
        _onewire.writebyte(self.pin, _MATCH)
        for byte in rom:
            _onewire.writebyte(self.pin, byte)

    def write(self, byte: int) -> None:
        """Send a byte."""
        _onewire.writebyte(self.pin, byte)

    def read_bit(self) -> int:
        """Take a bit; 1 where nobody sends."""
        return _onewire.readbit(self.pin)

    def read(self, count: int) -> bytes:
        """Take bytes."""
        return bytes([_onewire.readbyte(self.pin) for _ in range(count)])

    def roms(self) -> list:
        """The ROMs of all that are there, as they come; their CRC is not looked at."""
        found: list = []
        rom, fork = bytearray(8), -1
        while len(found) < _MOST:
            fork = self._next(rom, fork)
            if not any(rom):
                raise self.held_fault()
            found.append(bytes(rom))
            if fork < 0:
                break
        return found

    def _next(self, rom: bytearray, fork: int) -> int:
        """Go to the next ROM: as `rom` up to bit `fork`, 1 there; return where to fork next."""
        self.reset()
        _onewire.writebyte(self.pin, _SEARCH)
        following = -1
        for i in range(64):
            has_0, has_1 = not _onewire.readbit(self.pin), not _onewire.readbit(self.pin)
            if not has_0 and not has_1:
                raise self.fault("the sensors on %s stopped answering: wiring?")
            if has_0 and has_1:
                bit = 1 if i == fork else (rom[i >> 3] >> (i & 7) & 1 if i < fork else 0)
                if not bit:
                    following = i
            else:
                bit = 1 if has_1 else 0
            if bit:
                rom[i >> 3] |= 1 << (i & 7)
            else:
                rom[i >> 3] &= ~(1 << (i & 7)) & 255
            _onewire.writebit(self.pin, bit)
        return following


maxim_crc = _onewire.crc8
"""Maxim's CRC; 0 over data with their own CRC behind them."""
