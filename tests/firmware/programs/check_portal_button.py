"""The portal's button: polled between start and stop only, and never a sensor's pin."""

import time

import world
from dormouse import portal_button, watchdog
from dormouse.portal_button import LongPress, PortalButton
from dormouse.settings import Settings

portal_button.LONG_PRESS_MS, portal_button.WINDOW_MS = 30, 60
pins = world.get("pins")


def pressed(ms):
    """Whether feeding the watchdog for so long, and once after it, finds the button held."""
    end = time.ticks_add(time.ticks_ms(), ms)
    over = False
    while not over:
        over = time.ticks_diff(end, time.ticks_ms()) <= 0
        try:
            watchdog.feed()
        except LongPress:
            return True
        time.sleep_ms(1)
    return False


pins["0"] = 0
button = PortalButton(Settings())
assert not pressed(50)
button.start()
assert pressed(200)
button.stop()
assert not pressed(50)
button.stop()
button.wait_released()

# Released in time, it is polled until the window is over; then it may be held.
button.start()
pins["0"] = 1
assert not pressed(100)
assert button.pin is None
pins["0"] = 0
assert not pressed(50)

# What waits for its release finds it held.
button.start()
try:
    button.wait_released()
    raise AssertionError
except LongPress:
    button.stop()

# A switch's button; one that has none; pins of sensors.
pins["5"] = 0
for given, held in (
    ({"switch": {"relay": 12, "button": 5}}, True),
    ({"switch": {"relay": 12}}, False),
    ({"sensors": [{"driver": "dht22", "pin": 0}]}, False),
    ({"sensors": [{"driver": "dht22", "pin": 4}]}, True),
):
    button = PortalButton(Settings(given))
    button.start()
    assert pressed(100) == held, given
    button.stop()
