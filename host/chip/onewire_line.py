"""A 1-Wire line as time goes by: reset pulses, presence, slots.

After the data sheet of the DS18B20 (Maxim 19-7487, figures 13 to 15).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from host.chip.single_line import SingleLine

__all__ = ["OneWireLine"]

# Microseconds. A slave looks at the line 15 to 60 us after it fell, and holds a 0 for as long.
_ZERO_US, _HOLDS_US = 30, 30
_RESET_US = 240  # 480 are due; who is slow takes less for one
_PRESENCE_AFTER_US, _PRESENCE_UNTIL_US = 20, 140


class OneWireLine(SingleLine):
    """The line on a pin, and the stand-ins' chips on it, which know bits and commands."""

    def __init__(self, pin: int, chips: Sequence[Any]) -> None:
        super().__init__(pin)
        self._number, self._chips = pin, chips
        # From when and until when the chips pull the line low.
        self._pulls = (0, 0)
        self._takers: list[Any] = []

    def pulled(self, now_us: int) -> int:
        """In a 0 or a presence pulse."""
        begin, end = self._pulls
        return self._pin if begin <= now_us < end else 0

    def _here(self) -> list[Any]:
        return [chip for chip in self._chips if chip.present(self._number)]

    def _falls(self, now_us: int) -> None:
        """A slot begins: those that have something to say do."""
        self._takers = []
        level = 1
        for chip in self._here():
            if chip.out or chip.take is None:
                level &= chip.read()
            else:
                self._takers.append(chip)
        self._pulls = (now_us, now_us + _HOLDS_US) if not level else (0, 0)

    def _rises(self, now_us: int) -> None:
        lasted = now_us - self._fell_us
        if lasted < _RESET_US:
            for chip in self._takers:
                chip.write(int(lasted < _ZERO_US))
            return
        here = self._here()
        for chip in here:
            chip.reset()
        if here:
            self._pulls = (now_us + _PRESENCE_AFTER_US, now_us + _PRESENCE_UNTIL_US)
