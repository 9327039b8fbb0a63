"""Waiting within a measurement."""

import time

from dormouse.watchdog import feed

_STEP_MS = 20


def pause(ms: int, deadline=None) -> bool:
    """Wait; False at once, without waiting, where the deadline leaves no time for it."""
    if deadline is not None and deadline.left() < ms:
        return False
    end = time.ticks_add(time.ticks_ms(), ms)
    while True:
        feed()
        left = time.ticks_diff(end, time.ticks_ms())
        if left <= 0:
            return True
        time.sleep_ms(min(left, _STEP_MS))
