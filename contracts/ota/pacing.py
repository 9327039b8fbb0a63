"""How many datagrams may be in flight, and how long to wait for an answer."""

from __future__ import annotations

from collections import deque

__all__ = ["MAX_WINDOW", "Pacing"]

MAX_WINDOW = 12
"""Datagrams in flight at most, unless told otherwise. The SDK's WiFi driver has about eight receive
buffers, and what does not fit is dropped; but a device checks one datagram at a time, so a queue
there shows in the round trips and ends the growth at three or four. Only a link that is itself long
has room for this many."""
_FIRST_WINDOW = 2
_RTO_FIRST = 0.3  # before the first answer, in seconds; upstream's own time-out
_RTO_LEAST = 0.004  # the event loop's timers and a busy machine need a little
_RTO_MOST = (
    1.0  # well inside the server's 10 s, so that an outage is noticed while it can be mended
)
_BACK_OFF = 1.5
_SHRINK = 0.7  # WiFi loses datagrams without being congested: gentler than halving
_QUEUE_MOST = 2.0  # datagrams that may lie in the device's buffers without being worked on
_CAREFUL = 24  # answers for one step up towards a window that lost something before
_RECENT = 48  # answers whose slowest counts: three sectors, each with one slow erase


class Pacing:
    """A window that grows while answers come and shrinks when they do not; times in seconds.

    It starts at two. It grows by every answer until the first loss, then by one a round trip, more
    slowly near where something was lost the last time; it shrinks when datagrams are lost, and when
    round trips show that they queue up on the device.
    """

    def __init__(self, max_window: int = MAX_WINDOW) -> None:
        self.max_window = max_window
        self.rtt: float | None = None
        self._window = float(min(_FIRST_WINDOW, max_window))
        self._variation = 0.0
        self._least = float("inf")
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._lossy = float("inf")  # the window at which something was lost the last time
        self._lossless = True
        self._tries = 0

    @property
    def window(self) -> int:
        """Datagrams that may be unanswered."""
        return int(self._window)

    @property
    def silences(self) -> int:
        """Time-outs since the last answer."""
        return self._tries

    @property
    def timeout(self) -> float:
        """How long to wait for an answer before a datagram counts as lost."""
        if self.rtt is None:
            first = _RTO_FIRST
        else:
            # A flash sector is erased every 16 datagrams and takes its time: the slowest of the
            # recent answers is as much to be expected as the mean and its variation.
            first = max(self.rtt + 4 * self._variation, 1.2 * max(self._recent), _RTO_LEAST)
        return float(min(first * _BACK_OFF**self._tries, _RTO_MOST))

    def answered(self, count: int, rtt: float) -> None:
        """`count` datagrams more are known to have arrived; the last took `rtt` to and fro."""
        self._tries = 0
        self._measure(rtt)
        self._window = self._bounded(self._window + self._growth(count))

    def _bounded(self, window: float) -> float:
        return min(max(window, _FIRST_WINDOW), self.max_window)

    def _growth(self, count: int) -> float:
        queued = self._window * (1 - self._least / self.rtt) if self.rtt else 0.0
        if queued > _QUEUE_MOST:
            self._lossless = False
            return -count / self._window
        if self._lossless:
            return count
        return count / (self._window if self._window < self._lossy - 1 else _CAREFUL)

    def lost(self) -> None:
        """No answer came in time."""
        if self._tries == 0:
            self._lossy = self._window
            self._window = self._bounded(self._window * _SHRINK)
        self._lossless = False
        self._tries += 1

    def restarted(self) -> None:
        """The device began anew: wait for it as for the first answer."""
        self._tries = 0

    def _measure(self, rtt: float) -> None:
        self._recent.append(rtt)
        self._least = min(self._least, rtt)
        if self.rtt is None:
            self.rtt, self._variation = rtt, rtt / 2
        else:  # RFC 6298
            self._variation += (abs(self.rtt - rtt) - self._variation) / 4
            self.rtt += (rtt - self.rtt) / 8
