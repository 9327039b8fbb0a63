"""How long to wait before the next attempt at something that ended too soon."""

from __future__ import annotations

__all__ = ["Backoff"]


class Backoff:
    """Pauses in seconds: `first`, then twice as long each time, at most `longest`.

    What ran for `steady` seconds before it ended begins with `first` again.
    """

    def __init__(self, first: float, longest: float, steady: float = 60.0) -> None:
        self._first, self._longest, self._steady = first, longest, steady
        self._next = first

    def after(self, lasted: float) -> float:
        """The pause before the next attempt; the last one ran for `lasted` seconds."""
        pause = self._first if lasted >= self._steady else self._next
        self._next = min(pause * 2, self._longest)
        return pause
