"""The chip's watchdog, and what is polled while something is waited for.

Without `feed` for about 5 s the chip resets (reset cause 1): every loop that waits calls it.
"""

import machine

max_wait_ms = 1000
"""The longest that a loop may wait between two feeds."""
_wdt: machine.WDT | None = None
_pollers: list = []


def start() -> None:
    """Start the watchdog, which nothing can stop again; until then `feed` only polls."""
    global _wdt
    _wdt = machine.WDT()


def add(poller, every_ms: int = 1000) -> None:
    """Call `poller.poll()` at each feed, at least every `every_ms`."""
    global max_wait_ms
    _pollers.append(poller)
    max_wait_ms = min(max_wait_ms, every_ms)


def remove(poller) -> None:
    """Poll it no more."""
    _pollers.remove(poller)


def feed() -> None:
    """Keep the chip from resetting. Raises what a poller raises."""
    if _wdt:
        _wdt.feed()
    # Backwards, since a poller may remove itself.
    i = len(_pollers)
    while i:
        i -= 1
        _pollers[i].poll()
