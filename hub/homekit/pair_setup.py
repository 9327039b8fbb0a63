"""Who may pair with a bridge now: one controller at a time, and nobody after too many wrong codes.

HAP specification 5.6.2: a bridge that is in the middle of a pair-setup answers others "busy", and
one that saw a hundred failed attempts answers "too many tries" until a person allows it again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from enum import Enum

from hub.runtime.token_bucket import TokenBuckets

__all__ = ["MAX_FAILURES", "PairSetup", "SetupRefusal"]

log = logging.getLogger(__name__)

MAX_FAILURES = 100
"""Wrong codes that a bridge may be told, over its restarts, before it takes no more."""

# First steps from one address at once and a minute: each costs 15 ms of computing, more on a
# Raspberry Pi, and a phone takes one or two.
_STEPS, _STEPS_PER_MINUTE = 20, 6

_PATIENCE_S = 60.0
# s: a phone that went away without a word keeps others waiting for no longer. One whose person is
# still looking for the code goes on all the same where nobody else has begun.


class SetupRefusal(Enum):
    """Why a pair-setup may not begin or go on: HAP's error codes (table 5-5)."""

    TOO_MANY_TRIES = b"\x05"
    BUSY = b"\x07"


class PairSetup:
    """The turn of one bridge, held by a connection from its first step to its last.

    `failures` are those kept from before; `changed` is called when there are others, which must be
    kept. A connection is any object; it must `end` its turn when it closes.
    """

    def __init__(
        self,
        failures: int = 0,
        *,
        changed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.failures = failures
        self._changed, self.clock = changed, clock
        self._steps = TokenBuckets[str](_STEPS, _STEPS_PER_MINUTE, limit=1000, clock=clock)
        self._holder: object | None = None
        self._stepped = 0.0

    @property
    def locked(self) -> bool:
        """Whether no code is taken any more."""
        return self.failures >= MAX_FAILURES

    @property
    def busy(self) -> bool:
        """Whether somebody pairs."""
        return self._holder is not None

    def begin(self, who: object, address: str = "") -> SetupRefusal | None:
        """A connection wants to pair: None where it may, and then it is its turn.

        Beginning again does not prolong it: whoever only does that keeps nobody waiting for ever.
        """
        if self.locked:
            return SetupRefusal.TOO_MANY_TRIES
        if not self._steps.take(address):
            return SetupRefusal.BUSY
        began = self._stepped if self._holder is who else self.clock()
        refusal = self.go_on(who)
        self._stepped = min(self._stepped, began)
        return refusal

    def go_on(self, who: object) -> SetupRefusal | None:
        """A connection takes a further step: None where it is its turn, or nobody's."""
        now = self.clock()
        if self._holder not in {None, who} and now - self._stepped < _PATIENCE_S:
            return SetupRefusal.BUSY
        self._holder, self._stepped = who, now
        return None

    def end(self, who: object) -> None:
        """A connection has finished, or is gone."""
        if self._holder is who:
            self._holder = None

    def failed(self, address: str) -> None:
        """Somebody at this address has told a wrong code."""
        self.failures += 1
        if self.locked:
            log.warning("homekit: %d wrong codes, the last from %s: no more are taken until "
                        "`dormouse homekit unlock`", self.failures, address)  # fmt: skip
        self._changed()

    def allow(self) -> bool:
        """Take codes again, as many as at first; whether any had been wrong."""
        if not self.failures:
            return False
        self.failures = 0
        self._changed()
        return True
