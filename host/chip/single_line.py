"""One line that a chip pulls low for a while, as the buses have it whose times are the message."""

from __future__ import annotations

from abc import ABC, abstractmethod

__all__ = ["SingleLine"]


class SingleLine(ABC):
    """The line on a pin (a GPIO number); times in microseconds since the chip's reset."""

    def __init__(self, pin: int) -> None:
        self._pin = 1 << pin
        self._low = False
        self._fell_us = 0

    def follow(self, low: int, now_us: int) -> None:
        """The master pulls the pins of `low` (bits), and lets the others go."""
        now_low = bool(low & self._pin)
        if now_low == self._low:
            return
        self._low = now_low
        if now_low:
            self._fell_us = now_us
            self._falls(now_us)
        else:
            self._rises(now_us)

    @abstractmethod
    def _falls(self, now_us: int) -> None:
        """The master begins to pull."""

    @abstractmethod
    def _rises(self, now_us: int) -> None:
        """The master lets go; it pulled from `_fell_us` on."""
