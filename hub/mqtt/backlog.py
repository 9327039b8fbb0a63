"""How old a message can be that waited at the broker, which keeps no times: by our own clocks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

__all__ = ["Backlog"]


def _clock() -> float:
    """Seconds that go on while the machine sleeps, where the system has such a clock."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)


class Backlog:
    """What is known of a session: since when it was cut off, and whether it has caught up.

    A session that is resumed begins with what waited for it, in order; a mark that we send to
    ourselves comes behind all of it. `clock` is in seconds and never goes back.
    """

    MARK_S = 10.0
    """Once sent, so long may a mark take; then the broker's queue was full, and another is sent."""

    STOPPED_S = 3.0
    """Longer than the second between two signs of life, on a machine that has much to do."""

    def __init__(self, clock: Callable[[], float] = _clock) -> None:
        self._clock = clock
        # The time before this process is of no known length.
        self._cut_off = -math.inf
        self._alive = clock()
        self._marked = -math.inf
        self.behind = False
        """Messages that waited may still be among what comes."""

    def lost(self, silent: float = 0.0) -> None:
        """The connection has ended; nothing had been heard over it for so many seconds."""
        if not self.behind:  # otherwise what waits has waited since before
            self._cut_off = self._clock() - silent

    def resumed(self, *, session: bool) -> None:
        """A connection has begun; `session`: the broker has kept what came meanwhile."""
        self.behind, self._marked = session, -math.inf
        self._alive = self._clock()

    def mark_due(self) -> bool:
        """Whether a mark is to be sent now; it then counts as sent."""
        now = self._clock()
        if not self.behind or now - self._marked < self.MARK_S:
            return False
        self._marked = now
        return True

    def caught_up(self) -> None:
        """The mark came back: everything that waited is here."""
        self.behind = False

    def alive(self) -> None:
        """This process ran, so that it read what had come."""
        self._alive = self._clock()

    @property
    def waited(self) -> float:
        """How long, in seconds, a message that comes now may have waited, at most."""
        now = self._clock()
        # One that was stopped, or asleep, finds what came meanwhile in its socket.
        stopped = now - self._alive
        if stopped < self.STOPPED_S:
            stopped = 0.0
        return max(now - self._cut_off if self.behind else 0.0, stopped)
