"""The SPI bus: whoever's select pin is low gives and takes bytes.

A chip is `<name>_chip.py` with a class Chip; its `transfer(data)` gets all of a transfer and
returns as many bytes.
"""

import world
from machine import SPI_CHIPS, _outputs

_met = {}


class SPI:
    """What MicroPython's object of that name does."""

    def __init__(self, id=-1, baudrate=1000000, polarity=0, phase=0, **options):
        pass

    def _transfer(self, data):
        here = dict(SPI_CHIPS)
        for pin, name in world.get("spi").items():
            here[int(pin)] = name
        levels = _outputs()
        for pin, name in here.items():
            if levels.get(str(pin), 1) == 0 and name not in world.get("missing"):
                if name not in _met:
                    _met[name] = __import__(name + "_chip").Chip()
                return _met[name].transfer(bytes(data))
        # Nobody drives the line: its pull-up.
        return b"\xff" * len(data)

    def read(self, count, write=0):
        return self._transfer(bytes([write]) * count)

    def readinto(self, buf, write=0):
        buf[:] = self.read(len(buf), write)

    def write(self, data):
        self._transfer(data)

    def write_readinto(self, data, buf):
        buf[:] = self._transfer(data)
