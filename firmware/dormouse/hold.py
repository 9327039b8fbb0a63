"""A button held after power-on asks for the portal.

It is looked at while the first wake does its work, so that nobody has to hit a moment: the chip
itself takes GPIO0 held at power-on for a wish to be flashed, and the bootloader one pressed in its
first seconds for an update.
"""

import time

from machine import Pin

from dormouse.watchdog import feed, meanwhile

HELD_MS = 1500
# A device that stays awake: later its button is a switch and no more.
WINDOW_MS = 10_000
_GPIO0 = 0
_POLL_MS = 10


class Held(Exception):
    """The button has been down for HELD_MS."""


class Watch:
    """Looks at the button whenever the watchdog is fed."""

    def __init__(self, settings):
        pin = settings.switch.get("button") if settings.switch else _GPIO0
        if not isinstance(pin, int):
            return
        for sensor in settings.sensors:
            if pin in sensor.values():
                # It is a sensor's wire.
                return
        self.began = time.ticks_ms()
        self.since = None
        self.pin = Pin(pin, Pin.IN, Pin.PULL_UP)
        meanwhile.watch = self

    def look(self) -> None:
        """Raises Held."""
        now = time.ticks_ms()
        if self.pin.value():
            self.since = None
            if time.ticks_diff(now, self.began) > WINDOW_MS:
                meanwhile.watch = None
        elif self.since is None:
            self.since = now
        elif time.ticks_diff(now, self.since) >= HELD_MS:
            raise Held


def settle() -> None:
    """At the end of a wake: wait as long as the button is down. Raises Held."""
    watch = meanwhile.watch
    while watch and not watch.pin.value():  # type: ignore[attr-defined]  # a Watch
        feed()
        time.sleep_ms(_POLL_MS)
