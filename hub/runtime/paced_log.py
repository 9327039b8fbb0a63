"""The whole log, paced: whoever can cause a line cannot fill the disk with it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from hub.runtime.token_bucket import TokenBucket

__all__ = ["PacedLog"]

# Lines of one kind at once, and a minute in the long run: 17,000 a day, of which the log's 10 MB
# hold some days. What 200 devices have to complain of at once stands on their pages.
_LINES, _PER_MINUTE = 50, 12
# Who asks for everything is given more, and not what a flood has to say.
_DEBUG_LINES, _DEBUG_PER_MINUTE = 2000, 600
# Events that strangers can cause; all others are of devices and people that there are, each of
# which is a fact that programs count on (docs/logs.md).
_OF_STRANGERS = frozenset({"login-refused", "device-enrolled"})
# s between two lines that sum up one kind.
_SUM_S = 60.0
# Kinds of one logger: some libraries put what they were sent into the text itself.
_KINDS = 50
# As mosquitto, asyncio and we write them; a port follows.
_ADDRESS = re.compile(r"\bfrom ([0-9a-fA-F.:\[\]%]+?)(?::\d+)?(?=[ ,)]|$)")
_ADDRESSES = 1000


@dataclass(slots=True)
class _Kind:
    """Lines that say the same of different things."""

    name: str
    bucket: TokenBucket
    left_out: int = 0
    since: float = 0.0
    level: int = logging.INFO
    text: str = ""
    addresses: set[str] = field(default_factory=set)


class PacedLog(logging.Filter):
    """A filter of handlers: lets `lines` of a kind through at once and `per_minute` later on.

    A kind is a logger and a text before it was filled in. What is left out is summed up in a line a
    minute: how many, from how many addresses, and the first of them. One instance may stand before
    several handlers: they write the same lines.
    """

    def __init__(
        self,
        lines: int = _LINES,
        per_minute: float = _PER_MINUTE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._lines, self._per_minute, self._clock = lines, per_minute, clock
        self._kinds: dict[tuple[str, str, bool], _Kind] = {}
        self._of_logger: Counter[str] = Counter()
        self._silenced: list[_Kind] = []
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is written."""
        decided: bool | None = getattr(record, "paced", None)
        if decided is None:
            with self._lock:
                decided = record.paced = self._lets_through(record)
            self.tell()
        return decided

    def tell(self) -> None:
        """Sum up what was left out for long enough."""
        if not self._silenced:
            return
        with self._lock:
            due = [one for one in self._silenced if self._clock() - one.since >= _SUM_S]
            self._silenced = [one for one in self._silenced if one not in due]
            lines = [(logging.getLogger(one.name), _summary(one)) for one in due]
        for logger, line in lines:
            logger.handle(line)

    def _lets_through(self, record: logging.LogRecord) -> bool:
        event = getattr(record, "event", None)
        if event is not None and event not in _OF_STRANGERS:
            return True
        kind = self._kind(record, event or str(record.msg))
        if kind.bucket.take():
            return True
        if not kind.left_out:
            kind.since, kind.level = self._clock(), record.levelno
            kind.text = record.getMessage()[:200]
            kind.addresses = set()
            self._silenced.append(kind)
            # Where nothing more is written the flood is told all the same.
            with contextlib.suppress(RuntimeError):
                asyncio.get_running_loop().call_later(_SUM_S, self.tell)
        kind.left_out += 1
        found = _ADDRESS.search(record.getMessage()[:300])
        if found is not None and len(kind.addresses) < _ADDRESSES:
            kind.addresses.add(found[1])
        return False

    def _kind(self, record: logging.LogRecord, text: str) -> _Kind:
        debug = record.levelno < logging.INFO
        key = (record.name, text, debug)
        if key not in self._kinds and self._of_logger[record.name] >= _KINDS:
            key = (record.name, "", debug)
        kind = self._kinds.get(key)
        if kind is None:
            self._of_logger[record.name] += 1
            lines = _DEBUG_LINES if debug else self._lines
            later = _DEBUG_PER_MINUTE if debug else self._per_minute
            kind = self._kinds[key] = _Kind(record.name, TokenBucket(lines, later, self._clock))
        return kind


def _summary(kind: _Kind) -> logging.LogRecord:
    """The line for what was left out of a kind, which counts anew."""
    of = len(kind.addresses)
    whence = f" from {of:,}{' or more' if of >= _ADDRESSES else ''} address{'es' * (of > 1)}"
    text = f"and {kind.left_out:,} more{whence if of else ''} like: {kind.text}"
    kind.left_out = 0
    line = logging.LogRecord(kind.name, kind.level, __file__, 0, "%s", (text,), None)
    line.paced = True
    return line
