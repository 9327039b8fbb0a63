"""The chip's watchdog: without `feed` for about 5 s the chip resets (reset cause 1)."""

import machine

_dog = machine.WDT()
feed = _dog.feed
