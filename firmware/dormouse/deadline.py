"""Time limits."""

import time


class Deadline:
    """`ms` milliseconds from now, at most 2**28 (ticks wrap)."""

    def __init__(self, ms: int):
        self.end = time.ticks_add(time.ticks_ms(), ms)

    def left(self) -> int:
        """Milliseconds left, 0 when over."""
        return max(0, time.ticks_diff(self.end, time.ticks_ms()))

    def within(self, ms: int) -> "Deadline":
        """A deadline `ms` from now that is never later than this one."""
        return Deadline(min(ms, self.left()))
