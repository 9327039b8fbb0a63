"""A relay with a button, as on a Sonoff: `Switch/On`.

Settings: `relay` (pin), `button` (pin, pressed when low), `led` (pin, lit when low).
"""

from machine import Pin

from dormouse.sensors import Series

SERIES = Series("Switch", "On", 0, 0, 1)
ON = ("1", "true", "on")
OFF = ("0", "false", "off")


class Switch:
    """The relay's state, changed by `set` and by the button."""

    def __init__(self, entry, on: bool):
        self.on = on
        self.relay = Pin(entry["relay"], Pin.OUT)
        button, led = entry.get("button"), entry.get("led")
        self.button = Pin(button, Pin.IN, Pin.PULL_UP) if isinstance(button, int) else None
        self.led = Pin(led, Pin.OUT) if isinstance(led, int) else None
        self.pressed = False
        self.was_low = False

    def set(self, on: bool) -> None:
        """Switch the relay, and the LED with it."""
        self.on = on
        self.relay.value(1 if on else 0)
        if self.led:
            self.led.value(0 if on else 1)

    def poll(self) -> bool:
        """Look at the button, every 20 ms or so; True if this toggled the relay.

        A press counts when it is seen twice: contacts bounce for some milliseconds.
        """
        if not self.button:
            return False
        low = not self.button.value()
        press = low and self.was_low and not self.pressed
        if low == self.was_low:
            self.pressed = low
        self.was_low = low
        if press:
            self.set(not self.on)
        return press


def parse_set(payload):
    """What a `/set` asks for, True or False; None for anything else."""
    try:
        text = str(payload, "utf-8").strip().lower()
    except UnicodeError:
        return None
    if text in ON:
        return True
    return False if text in OFF else None
