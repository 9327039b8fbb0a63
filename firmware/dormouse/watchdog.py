"""The chip's watchdog, and what else must go on while something is waited for.

Without `feed` for about 5 s the chip resets (reset cause 1); everything that waits feeds.
"""

import machine

_dog = machine.WDT()


class _Meanwhile:
    """What is done at each feed (a button is looked at), and how often that must be."""

    task: object = None
    every_ms = 1000
    # Who looks at the button that asks for the portal.
    watch: object = None


meanwhile = _Meanwhile()


def feed() -> None:
    """Keep the chip from resetting."""
    _dog.feed()
    if meanwhile.task:
        meanwhile.task()  # type: ignore[operator]  # set by whoever has work for waits
    if meanwhile.watch:
        meanwhile.watch.look()  # type: ignore[attr-defined]  # of hold.py
