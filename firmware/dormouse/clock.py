"""The device's own clock: it counts since the boot identity was made, deep sleep included."""

import time


class Clock:
    """Built right after power-on or waking; `slept` ms are added to what the record says."""

    def __init__(self, record, slept: int):
        self.ticks = time.ticks_ms()
        ms = record.up_ms + slept
        record.up_s += ms // 1000
        record.up_ms = ms % 1000
        self.record = record
        self.awake = 0

    def tick(self) -> int:
        """Bring the record up to date; return its seconds. Needed once a week at least."""
        now = time.ticks_ms()
        ms = time.ticks_diff(now, self.ticks)
        self.ticks = now
        self.awake += ms
        ms += self.record.up_ms
        self.record.up_s += ms // 1000
        self.record.up_ms = ms % 1000
        return self.record.up_s
