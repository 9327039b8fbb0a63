"""What was refused: counted by kind, logged once per device and kind, shown per device."""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["Problems", "Seen"]

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Seen:
    """What is remembered of one (device, kind): how often, when last, and the last detail."""

    count: int
    at: datetime
    detail: str


class Problems:
    """Counters that stay small whoever sends what.

    Kinds come from our own code, so `total` is exact. Of (device, kind) pairs the `remember`
    latest are kept; the log is quiet about a pair it remembers, and after `remember` lines of
    log without pause it says so once and is quiet about new pairs until a pair is forgotten.
    """

    def __init__(self, remember: int = 2000) -> None:
        self.total: Counter[str] = Counter()
        self.remember = remember
        self._seen: OrderedDict[tuple[str | None, str], Seen] = OrderedDict()
        self._overflowed = False

    def note(self, kind: str, device: str | None, detail: str) -> None:
        """Count one refusal; `detail` is for a person and is cut to 200 characters."""
        self.total[kind] += 1
        key = (device, kind)
        now = datetime.now(UTC)
        seen = self._seen.get(key)
        if seen is not None:
            seen.count += 1
            seen.at, seen.detail = now, detail[:200]
            self._seen.move_to_end(key)
            return
        self._seen[key] = Seen(1, now, detail[:200])
        if len(self._seen) > self.remember:
            self._seen.popitem(last=False)
            if not self._overflowed:
                self._overflowed = True
                log.warning("more than %d problems: from here on only counted", self.remember)
        if not self._overflowed:
            log.warning("%s from %s: %s", kind, device or "an unnamed device", detail[:200])

    def of(self, device: str | None) -> dict[str, Seen]:
        """What is remembered of one device, by kind."""
        return {kind: seen for (of, kind), seen in self._seen.items() if of == device}

    def latest(self, count: int = 50) -> list[tuple[str | None, str, Seen]]:
        """The latest (device, kind) pairs, newest first."""
        newest = list(reversed(self._seen.items()))[:count]
        return [(device, kind, seen) for (device, kind), seen in newest]

    def forget(self, device: str) -> None:
        """Forget a device's problems, so that new ones are logged again."""
        for key in [key for key in self._seen if key[0] == device]:
            del self._seen[key]
        self._overflowed = self._overflowed and len(self._seen) >= self.remember
