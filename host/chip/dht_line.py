"""A DHT22 at its line (Aosong, AM2302 data sheet, 7): 40 bits by their lengths, once asked."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

from host.chip.single_line import SingleLine

__all__ = ["DhtLine"]

# Microseconds.
_START_US = 800  # the master holds the line low so long at least
_GO_US, _RESPONSE_US = 30, 80
_BETWEEN_US, _ZERO_US, _ONE_US = 50, 26, 70


class DhtLine(SingleLine):
    """The line on a pin; `answer` gives the frame of 5 bytes, None when there is no answer."""

    def __init__(self, pin: int, answer: Callable[[], bytes | None]) -> None:
        super().__init__(pin)
        self._answer = answer
        # When the level changes: the line is high before the first, low after it, and so on.
        self._edges: list[int] = []

    def pulled(self, now_us: int) -> int:
        """In the low half of each bit."""
        return self._pin if bisect_right(self._edges, now_us) % 2 else 0

    def _falls(self, now_us: int) -> None:  # noqa: ARG002  # as for every line
        """What was said is over."""
        self._edges = []

    def _rises(self, now_us: int) -> None:
        """The master has asked, where it pulled for long enough."""
        if now_us - self._fell_us >= _START_US:
            self._begin(now_us)

    def _begin(self, now_us: int) -> None:
        try:
            frame = self._answer()
        except OSError:  # it is not there
            frame = None
        if frame is None:
            return
        lengths = [_GO_US, _RESPONSE_US, _RESPONSE_US]
        for byte in frame:
            for bit in range(7, -1, -1):
                lengths += [_BETWEEN_US, _ONE_US if byte >> bit & 1 else _ZERO_US]
        lengths.append(_BETWEEN_US)
        self._edges = list(accumulate(lengths, initial=now_us))[1:]
