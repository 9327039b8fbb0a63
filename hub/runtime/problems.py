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
    Names that strangers chose have a memory of their own, a tenth of that, so that they are in the
    way of no device that there is.
    """

    def __init__(self, remember: int = 2000) -> None:
        self.total: Counter[str] = Counter()
        self.remember = remember
        self._known, self._strangers = _Memory(remember), _Memory(max(remember // 10, 1))

    def note(self, kind: str, device: str | None, detail: str, *, stranger: bool = False) -> None:
        """Count one refusal; `detail` is for a person and is cut to 200 characters.

        `stranger`: there is no account of that name.
        """
        self.total[kind] += 1
        memory = self._strangers if stranger else self._known
        if memory.note((device, kind), detail[:200]):
            log.warning("%s from %s: %s", kind, device or "an unnamed device", detail[:200])

    def of(self, device: str | None) -> dict[str, Seen]:
        """What is remembered of one device, by kind."""
        memories = (self._strangers, self._known)
        return {kind: seen for one in memories for (of, kind), seen in one.seen.items()
                if of == device}  # fmt: skip

    def latest(self, count: int = 50) -> list[tuple[str | None, str, Seen]]:
        """The latest (device, kind) pairs, newest first."""
        every = [*self._strangers.seen.items(), *self._known.seen.items()]
        every.reverse()
        every.sort(key=lambda one: one[1].at, reverse=True)
        return [(device, kind, seen) for (device, kind), seen in every[:count]]

    def forget(self, device: str) -> None:
        """Forget a device's problems, so that new ones are logged again."""
        for one in (self._strangers, self._known):
            one.forget(device)


class _Memory:
    """The latest pairs of device and kind, and whether new ones are still logged."""

    def __init__(self, remember: int) -> None:
        self._remember = remember
        self.seen: OrderedDict[tuple[str | None, str], Seen] = OrderedDict()
        self._overflowed = False

    def note(self, key: tuple[str | None, str], detail: str) -> bool:
        """Remember it; whether the log is to have it."""
        now = datetime.now(UTC)
        seen = self.seen.get(key)
        if seen is not None:
            seen.count += 1
            seen.at, seen.detail = now, detail
            self.seen.move_to_end(key)
            return False
        self.seen[key] = Seen(1, now, detail)
        if len(self.seen) > self._remember:
            self.seen.popitem(last=False)
            if not self._overflowed:
                self._overflowed = True
                log.warning("more than %d problems: from here on only counted", self._remember)
        return not self._overflowed

    def forget(self, device: str) -> None:
        for key in [key for key in self.seen if key[0] == device]:
            del self.seen[key]
        self._overflowed = self._overflowed and len(self.seen) >= self._remember
