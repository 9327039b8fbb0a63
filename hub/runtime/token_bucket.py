"""Bounds on what strangers may make us do."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Bucket"]


class Bucket:
    """A token bucket: `capacity` at once, `per_minute` in the long run; constant memory.

    `clock` in seconds, monotonic: setting the wall clock changes nothing.
    """

    def __init__(
        self, capacity: float, per_minute: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._capacity = capacity
        self._per_second = per_minute / 60
        self._clock = clock
        self._level = capacity
        self._at = clock()

    def level(self) -> float:
        """How many are allowed now."""
        now = self._clock()
        self._level = min(self._capacity, self._level + (now - self._at) * self._per_second)
        self._at = now
        return self._level

    def take(self) -> bool:
        """Whether one more is allowed now."""
        if self.level() < 1:
            return False
        self._level -= 1
        return True
