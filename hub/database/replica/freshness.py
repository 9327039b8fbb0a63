"""How old what a standby shows is, by its place in the primary's log and our own clock."""

from __future__ import annotations

from collections import deque

__all__ = ["Freshness"]


class Freshness:
    """Up to when a standby shows everything; times are seconds of one clock that never steps.

    No server's clock is asked: where the primary's log ended is noted with our time, and a standby
    that has come to that place shows all that was committed until then. (By the time of the last
    transaction that was replayed, a database that nobody writes to would look old.)
    """

    # Of one look a second: an hour. A standby that is further behind is not read from.
    MOST = 3600

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque(maxlen=self.MOST)
        self._standby: int | None = None
        self._astray: int | None = None
        self.complete_until: float | None = None
        """All that was committed until then is shown; None: nothing is known of that."""

    def primary_at(self, when: float, position: int) -> None:
        """The primary's log ended at `position` when it was asked, after `when`."""
        # One that took over lacks what its predecessor did not hand on; what was before, it has.
        while self._seen and self._seen[-1][1] > position:
            self._seen.pop()
        self._seen.append((when, position))
        if self._standby is not None and self._standby > position:
            # Further than the primary: it has what was lost, on a line that leads nowhere.
            self._astray, self.complete_until = self._standby, None

    def standby_at(self, position: int) -> None:
        """The standby has replayed the log up to `position`."""
        self._standby = position
        if position == self._astray:
            return
        self._astray = None
        while self._seen and self._seen[0][1] <= position:
            self.complete_until, _ = self._seen.popleft()

    def forget(self) -> None:
        """Another standby may answer from now on, and what is known of this one is not of it."""
        self._standby, self._astray, self.complete_until = None, None, None
