"""Accounts that may not connect for a while, each time for twice as long. Pure."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ShutOut"]


@dataclass(slots=True)
class _Pause:
    until: float
    times: int


class ShutOut:
    """Who is shut out now, and until when (s of the caller's clock).

    Of `most` accounts it is remembered how often they were; who is out is never forgotten before
    its time.
    """

    # s: one that behaved for so long begins anew.
    FORGIVEN_S = 24 * 3600.0

    def __init__(self, most: int) -> None:
        self._most = most
        self._pauses: dict[str, _Pause] = {}
        self.names: set[str] = set()
        """Who is out, as of the last `end`."""

    def begin(self, name: str, now: float, first: float, longest: float) -> float:
        """Shut one out for `first` s, each time twice as long, at most `longest`; for how many."""
        last = self._pauses.pop(name, None)
        again = last is not None and now - last.until < self.FORGIVEN_S
        times = min(last.times + 1, 30) if again and last is not None else 0
        pause = min(first * 2.0**times, longest)
        self._pauses[name] = _Pause(now + pause, times)
        self.names.add(name)
        return pause

    def end(self, now: float) -> None:
        """Let in those whose time is over, and forget what is too much to remember."""
        self.names = {name for name in self.names if self._pauses[name].until > now}
        for name in list(self._pauses):
            if len(self._pauses) <= self._most:
                break
            if name not in self.names:
                del self._pauses[name]

    def next_end(self) -> float | None:
        """When the next may come in again; None where nobody is out."""
        return min((self._pauses[name].until for name in self.names), default=None)
