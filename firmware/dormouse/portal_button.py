"""A button held after power-on opens the portal.

It is polled while the first wake does its work, so that nobody has to hit a moment: the chip itself
takes GPIO0 held at power-on for a request to be flashed, and the bootloader one pressed in its
first seconds for an update.
"""

import time

from machine import Pin

from dormouse import watchdog

LONG_PRESS_MS = 1500
# A device that stays awake: later its button is a switch and no more.
WINDOW_MS = 10_000
_GPIO0 = 0
_POLL_MS = 10


class LongPress(Exception):
    """The button has been down for LONG_PRESS_MS."""


class PortalButton:
    """The button of the settings' `switch`, else GPIO0; none if it is a sensor's pin."""

    def __init__(self, settings):
        self.number = settings.switch.get("button") if settings.switch else _GPIO0
        for sensor in settings.sensors:
            if self.number in sensor.values():
                self.number = None
        # Set while it is polled; since when, and since when the button has been down.
        self.pin: Pin | None = None
        self.started = self.pressed = None

    def start(self) -> None:
        """Poll the button at each feed of the watchdog: for WINDOW_MS, and on while it is down."""
        if isinstance(self.number, int):
            self.started = time.ticks_ms()
            self.pin = Pin(self.number, Pin.IN, Pin.PULL_UP)
            watchdog.add(self)

    def stop(self) -> None:
        """Poll it no more."""
        if self.pin:
            self.pin = None
            watchdog.remove(self)

    def poll(self) -> None:
        """Look at the button. Raises LongPress."""
        assert self.pin
        now = time.ticks_ms()
        if self.pin.value():
            self.pressed = None
            if time.ticks_diff(now, self.started) > WINDOW_MS:
                self.stop()
        elif self.pressed is None:
            self.pressed = now
        elif time.ticks_diff(now, self.pressed) >= LONG_PRESS_MS:
            raise LongPress

    def wait_released(self) -> None:
        """Return when the button is up, or not polled. Raises LongPress."""
        while self.pin and not self.pin.value():
            watchdog.feed()
            time.sleep_ms(_POLL_MS)
