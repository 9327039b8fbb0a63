"""The device's own clock: it counts since the boot identity was made, deep sleep included."""

import time


class Clock:
    """Keeps the record's `up_s` and `up_ms`; made right after power-on or waking."""

    def __init__(self, record):
        self.record = record
        self.ticks = time.ticks_ms()
        self.awake_ms = 0

    def add(self, ms: int) -> None:
        """Put the clock forward, by a sleep for example."""
        ms += self.record.up_ms
        self.record.up_s += ms // 1000
        self.record.up_ms = ms % 1000

    def tick(self) -> int:
        """Bring the record up to date; return its seconds. Needed once a week at least."""
        now = time.ticks_ms()
        ms = time.ticks_diff(now, self.ticks)
        self.ticks = now
        self.awake_ms += ms
        self.add(ms)
        return self.record.up_s
