"""What one account has waiting at the broker: what it sent to itself, less what it took.

mosquitto keeps as much for every client as for the hub (64 MB), and does not say how much it is.
What an account may read are its own topics, so what can wait for it is what is said there; what it
took is what its connection has acknowledged, which the system knows (hub/mqtt/silent_clients.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Waiting"]

# Filters of one account that messages are compared with; who has more is taken to read everything.
_FILTERS = 50


@dataclass(slots=True)
class _Account:
    """What is known of one account; bytes."""

    filters: set[str] = field(default_factory=set)
    stays: bool = False
    said: int = 0
    """Into topics that it reads, since it was looked at."""
    taken: int = 0
    """By its connection, when that was looked at."""
    left: int = 0
    """Of earlier connections and looks."""


class Waiting:
    """Bounds what waits for each account to `MOST` bytes.

    `taken` gives the bytes that an account's connection has acknowledged since it began: None
    where it has none, -1 where the system does not let us look (then only the broker's own bound
    holds).
    """

    # An honest backlog is of commands: one a minute for a week, of 60 bytes with its topic, is
    # 0.6 MB. A gateway that hears all it says has some 100 kB on the way.
    MOST = 4 << 20
    # What one connection may leave behind without being asked for it: a wake has 20 kB to say.
    FORGIVEN = 100_000

    def __init__(self, taken: Callable[[str], int | None]) -> None:
        self._taken = taken
        self._accounts: dict[str, _Account] = {}

    def connected(self, account: str, *, stays: bool) -> None:
        """An account has a new connection; `stays`: what waited before still does, or may."""
        known = self._accounts.pop(account, None)
        if known is None or not stays:
            self._accounts[account] = _Account(stays=stays)
            return
        if known.said > self.FORGIVEN:
            known.left += known.said
        known.said = known.taken = 0
        known.stays = True
        self._accounts[account] = known

    def subscribed(self, account: str, topic_filter: str) -> None:
        """The broker has a filter of an account from now on."""
        known = self._accounts.setdefault(account, _Account(stays=True))
        if len(known.filters) <= _FILTERS:
            known.filters.add(topic_filter)

    def reads(self, account: str, topic: str) -> bool:
        """Whether an account is known to read a topic."""
        known = self._accounts.get(account)
        return known is not None and _reads(known.filters, topic)

    def said(self, account: str, topic: str, size: int) -> bool:
        """So many bytes were said in a topic that an account may read; whether too many wait."""
        known = self._accounts.get(account)
        if known is None or not self.reads(account, topic):
            return False
        known.said += size
        return known.left + known.said > self.MOST and self._look(account, known)

    def forget(self, account: str) -> None:
        """Its session was ended: nothing waits."""
        self._accounts.pop(account, None)

    def _look(self, account: str, known: _Account) -> bool:
        taken = self._taken(account)
        if taken is None and known.stays:
            return True
        if taken is None or taken < 0:
            known.left = known.said = 0
            return False
        known.left = max(known.left + known.said - max(taken - known.taken, 0), 0)
        known.said, known.taken = 0, taken
        # Half of it: what is on its way is looked at again after the other half.
        return known.left > self.MOST // 2


def _reads(filters: set[str], topic: str) -> bool:
    if len(filters) > _FILTERS:
        return True
    levels = topic.split("/")
    return any(_matches(one, levels) for one in filters)


def _matches(topic_filter: str, levels: list[str]) -> bool:
    """MQTT's rule; of a shared subscription (`$share/GROUP/FILTER`) the filter counts."""
    wanted = topic_filter.split("/")
    if wanted[0] == "$share":
        wanted = wanted[2:]
    for n, one in enumerate(wanted):
        if one == "#":
            return True
        if n >= len(levels) or one not in {"+", levels[n]}:
            return False
    return len(wanted) == len(levels)
