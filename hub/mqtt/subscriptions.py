"""What accounts subscribe to: what the broker keeps of it, and what work it makes. Pure."""

from __future__ import annotations

from collections import Counter

__all__ = ["Subscriptions"]


class Subscriptions:
    """The filters of each account, as the broker's log tells of them.

    A filter may be `LONGEST` bytes long, and all filters of an account have `LEVELS` levels, with
    four more for each.
    """

    # Some 15 MB of the broker's memory. A tool that shows 5000 values has as many filters of five
    # levels.
    LEVELS = 100_000
    # mosquitto cuts its lines of log after 1000 bytes, so that longer filters look alike.
    LONGEST = 500

    def __init__(self) -> None:
        self._filters: dict[str, set[int]] = {}
        self._levels: Counter[str] = Counter()

    def add(self, account: str, topic_filter: str) -> str:
        """An account subscribes; what of it is too much, empty where nothing is."""
        filters = self._filters.setdefault(account, set())
        if len(topic_filter) > self.LONGEST:
            return f"subscribes to a topic of more than {self.LONGEST} bytes"
        if (one := hash(topic_filter)) not in filters:
            filters.add(one)
            self._levels[account] += 5 + topic_filter.count("/")
        if self._levels[account] > self.LEVELS:
            return f"subscribes to more than {self.LEVELS} levels of topics"
        return ""

    def forget(self, account: str) -> None:
        """Its session was ended: the broker has none of its filters."""
        self._filters.pop(account, None)
        self._levels.pop(account, None)

    @staticmethod
    def work(topic_filter: str, retained: int) -> int:
        """What one subscription counts as, in messages; `retained` are the account's own topics.

        To the same filter again, too: mosquitto 2.0.11 keeps a copy of it each time for as long as
        it runs. And a wildcard has it look at all that is retained, 4 us a message: 1300 of them,
        which a packet holds, at 1000 topics are five seconds in which it serves nobody else.
        """
        every = topic_filter.endswith("#") or "+" in topic_filter
        return 1 + len(topic_filter) // 50 + (retained // 10 if every else 0)
