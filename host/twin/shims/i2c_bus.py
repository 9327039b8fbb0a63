"""An I2C bus of the port's software kind (extmod/machine_i2c.c) with the chips of the world on it.

A chip is `<name>_chip.py` with a class Chip: `write(data)` takes what the master sends and returns
how many bytes were acknowledged (None: all), `read(count)` gives what it is asked for, and may
raise Nack where it does not answer to its address.
"""

import utime
import world
from machine import CHIPS

_ENODEV, _ETIMEDOUT = 19, 110
_ADDRESSES, _SDK_WATCHDOG_MS = 0x78 - 0x08, 3200

_met = {}


class Nack(Exception):
    """The chip does not acknowledge its address now."""


def _present():
    """Chip names by address. Raises OSError on a line that is held low."""
    held = world.get("i2c_line")
    if held == "scl":
        raise OSError(_ETIMEDOUT)
    if held == "sda":
        # Every address seems acknowledged, every byte reads 0.
        return None
    here = dict(CHIPS)
    for address, name in world.get("i2c").items():
        here[int(address, 16)] = name
    return {a: name for a, name in here.items() if name not in world.get("missing")}


def chip(address):
    """The chip at an address, None while SDA is held. Raises OSError."""
    here = _present()
    if here is None:
        return None
    if address not in here:
        raise OSError(_ENODEV)
    if (address, here[address]) not in _met:
        _met[address, here[address]] = __import__(here[address] + "_chip").Chip()
    return _met[address, here[address]]


class I2C:
    """What MicroPython's object of that name does on the ESP8266."""

    def __init__(self, id=-1, scl=None, sda=None, freq=400000, timeout=50000):
        self.timeout = timeout

    def scan(self):
        """With a clock that is held every address waits for it; the SDK's watchdog waits 3.2 s."""
        if world.get("i2c_line") == "scl":
            waited_ms = _ADDRESSES * self.timeout // 1000
            utime.sleep_ms(min(waited_ms, _SDK_WATCHDOG_MS))
            if waited_ms > _SDK_WATCHDOG_MS:
                world.end(76, "reset-cause", "1")
            return []
        here = _present()
        return sorted(here) if here is not None else list(range(0x08, 0x78))

    def writeto(self, address, data, stop=True):
        """How many bytes were acknowledged: fewer is no error here."""
        one = chip(address)
        if one is None:
            return len(data)
        try:
            acknowledged = one.write(bytes(data))
        except Nack:
            raise OSError(_ENODEV)
        return len(data) if acknowledged is None else acknowledged

    def readfrom(self, address, count, stop=True):
        one = chip(address)
        if one is None:
            return bytes(count)
        try:
            return one.read(count)
        except Nack:
            raise OSError(_ENODEV)

    def readfrom_into(self, address, buf, stop=True):
        buf[:] = self.readfrom(address, len(buf))

    def readfrom_mem(self, address, register, count, addrsize=8):
        self.writeto(address, bytes([register]), False)
        return self.readfrom(address, count)

    def readfrom_mem_into(self, address, register, buf, addrsize=8):
        buf[:] = self.readfrom_mem(address, register, len(buf))

    def writeto_mem(self, address, register, data, addrsize=8):
        """Raises nothing when data are not acknowledged."""
        self.writeto(address, bytes([register]) + bytes(data))


class Registers:
    """A chip with registers of a byte: what is written first says where to go on."""

    def __init__(self):
        self.registers = bytearray(256)
        self.pointer = 0

    def write(self, data):
        if data:
            self.pointer = data[0]
            for i in range(1, len(data)):
                self.store(self.pointer + i - 1, data[i])

    def read(self, count):
        self.refresh()
        return bytes(self.registers[self.pointer : self.pointer + count])

    def store(self, register, byte):
        """A byte written to a register."""
        self.registers[register] = byte

    def refresh(self):
        """Before registers are read."""
