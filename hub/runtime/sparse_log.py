"""A library's log, thinned out: what strangers can have it write is bounded."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from hub.runtime.token_bucket import TokenBucket

__all__ = ["Sparse"]


class Sparse(logging.Filter):
    """Lets `lines` through at once and `per_minute` in the long run.

    The next line says how many were left out.
    """

    def __init__(
        self, lines: int, per_minute: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._bucket = TokenBucket(lines, per_minute, clock)
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is written."""
        if record.levelno < logging.INFO:
            return True
        if not self._bucket.take():
            self._left_out += 1
            return False
        if self._left_out:
            record.msg = f"{record.getMessage()} ({self._left_out} lines were left out before)"
            record.args = None
            self._left_out = 0
        return True
