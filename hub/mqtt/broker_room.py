"""How much all accounts together have the broker keep, and who has it keep most.

mosquitto bounds what waits for one client; at `memory_limit` it fails for everybody. So before that
whoever has it keep most gives way.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

__all__ = ["HEAP", "BrokerRoom", "resident"]

HEAP = "$SYS/broker/heap/current"
"""Where mosquitto says how many bytes it has in use, every `sys_interval`."""

# What mosquitto keeps for one client at most (`max_queued_bytes`).
_QUEUE = 64 << 20


class BrokerRoom:
    """Bounds from above what waits for each account, since mosquitto does not say it.

    An account that subscribes to its own topics alone can have waiting what it has sent; one that
    subscribes to others' (a viewer, a gateway) what anybody has sent since.
    """

    def __init__(self) -> None:
        self._sent = 0
        self._own: Counter[str] = Counter()
        self._since: dict[str, int] = {}
        self._wide: set[str] = set()

    def sent(self, account: str, size: int) -> None:
        """An account had so many bytes delivered."""
        self._sent += size
        if account in self._since:
            self._own[account] += size

    def subscribed(self, account: str, topic_filter: str) -> None:
        """The broker has a filter of an account from now on."""
        self._since.setdefault(account, self._sent)
        if not topic_filter.startswith(f"HomeKit/{account}/"):
            self._wide.add(account)

    def forget(self, account: str) -> None:
        """Its session was ended: nothing waits."""
        self._since.pop(account, None)
        self._own.pop(account, None)
        self._wide.discard(account)

    def waiting(self, account: str) -> int:
        """The bytes that can wait for it, at most."""
        if account not in self._since:
            return 0
        if account in self._wide:
            return min(self._sent - self._since[account], _QUEUE)
        return min(self._own[account], _QUEUE)

    def accounted(self, retained: Mapping[str, int]) -> int:
        """The bytes that are kept for accounts, at most; `retained` are bytes by account."""
        return sum(self._kept(retained).values())

    def largest(self, retained: Mapping[str, int], to_free: int) -> list[str]:
        """Who has most kept, as few as free so many bytes; `retained` are bytes by account.

        Nobody who has less than an even share of that: it would free nothing to speak of.
        """
        kept = self._kept(retained)
        share = to_free / max(len(kept), 1)
        chosen: list[str] = []
        for name in sorted(kept, key=lambda name: (-kept[name], name)):
            if to_free <= 0 or kept[name] < share:
                break
            chosen.append(name)
            to_free -= kept[name]
        return chosen

    def _kept(self, retained: Mapping[str, int]) -> dict[str, int]:
        names = {*retained, *self._since}
        return {name: retained.get(name, 0) + self.waiting(name) for name in names}


def resident(pid: int) -> int:
    """The bytes of memory that a process takes up; 0 when it has just ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
