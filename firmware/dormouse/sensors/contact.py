"""A reed contact or switch: a door, a window. Settings: `pin`, `open` (the level when open: 1).

The device wakes by its timer as ever, and at once if the contact pulls RST low for a moment
(docs/hardware.md says how it is wired).
"""

import time

from machine import Pin

from dormouse.sensors import Series

# Contacts bounce for some milliseconds.
_LOOKS, _BOUNCE_MS = 5, 3


class Sensor:
    """Closed or open, as HomeKit counts it: 0 where there is contact."""

    deadline = None
    # A chain of sleeps would sleep on when it is woken by RST: at most one link (70 minutes).
    wake_s = 4200
    service, characteristic = "ContactSensor", "ContactSensorState"

    def __init__(self, entry):
        self.pin = Pin(entry["pin"], Pin.IN, Pin.PULL_UP)
        self.active = entry.get("open", 1)
        self.series = [Series(self.service, self.characteristic, 0, 0, 1)]

    def start(self) -> int:
        """Nothing to wait for."""
        return 0

    def read(self):
        """[1 when open]."""
        return [1 if self._level() == self.active else 0]

    def _level(self) -> int:
        """The level that most looks see."""
        high = 0
        for _ in range(_LOOKS):
            high += self.pin.value()
            time.sleep_ms(_BOUNCE_MS)
        return 1 if high * 2 > _LOOKS else 0
