"""What of one device's `$batch` the hub has been sent and not acknowledged, and when again. Pure.

The hub's broker confirms (PUBACK) what the hub may yet drop; what is in its database it says in
`$ack` (docs/topics.md), by which devices forget as well.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from contracts import messages
from contracts.batch import Batch

__all__ = ["Acknowledged", "Unacknowledged", "numbers_of"]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Readings of a boot identity up to and including `seq`."""

    boot: str
    seq: int

    @classmethod
    def of(cls, payload: bytes) -> Acknowledged | None:
        """What an `$ack` says; None if it says nothing."""
        try:
            said = json.loads(payload)
            boot, seq = said["boot"], said["seq"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        if not isinstance(boot, str) or not isinstance(seq, int) or isinstance(seq, bool):
            return None
        return cls(boot, seq)

    def covers(self, other: Acknowledged | None) -> bool:
        """Whether it says that, or more."""
        return other is not None and self.boot == other.boot and self.seq >= other.seq


def numbers_of(topic: str, payload: bytes) -> Acknowledged | None:
    """The `$ack` that a message waits for: None where it has no readings that the hub takes."""
    if not topic.endswith("/$batch"):
        return None
    batch = messages.parse(topic, payload)
    if not isinstance(batch, Batch) or batch.last <= batch.after:
        return None
    return Acknowledged(batch.boot, batch.last)


class Unacknowledged:
    """The messages of one device that are sent, by their numbers in the queue.

    At most `WINDOW` at once, and of one boot identity: of two the hub may acknowledge the later
    alone. All are due again after a pause that doubles until an `$ack` brings something.

    A device that the hub acknowledges nothing of, while it does of others again and again, is
    `given_up`: it lacks numbers that nobody has. What it says is sent once from then on, until an
    `$ack` goes on. Times are seconds of one clock that does not jump.
    """

    WINDOW = 50
    # The hub says `$ack` once a second a device; commits take seconds on a busy SD card.
    FIRST_S, LONGEST_S = 5.0, 300.0
    # Times that others were acknowledged meanwhile (25 min), and that nobody was (8 h).
    PASSED_OVER, SILENT = 10, 100

    def __init__(self) -> None:
        self._sent: dict[int, Acknowledged] = {}
        self._acknowledged: Acknowledged | None = None
        self._pause = self.FIRST_S
        self._at = 0.0
        self._passed_over = self._silent = 0
        self.given_up = False

    def __len__(self) -> int:
        return len(self._sent)

    def __contains__(self, number: int) -> bool:
        return number in self._sent

    def holds(self, numbers: Acknowledged) -> bool:
        """Whether the hub has said that it has these."""
        return self._acknowledged is not None and self._acknowledged.covers(numbers)

    def takes(self, numbers: Acknowledged) -> bool:
        """Whether a message with these may be sent now."""
        if not self._sent:
            return True
        of = next(iter(self._sent.values()))
        return len(self._sent) < self.WINDOW and of.boot == numbers.boot

    def sent(self, number: int, numbers: Acknowledged, now: float) -> None:
        """The hub's broker has a message."""
        if not self._sent:
            self._began(now)
        self._sent[number] = numbers

    def acknowledged(self, ack: Acknowledged, now: float) -> list[int]:
        """The messages that an `$ack` covers: they may be forgotten."""
        if ack != self._acknowledged:
            self.given_up = False
        self._acknowledged = ack
        covered = [number for number, one in self._sent.items() if ack.covers(one)]
        for number in covered:
            del self._sent[number]
        if covered:
            self._began(now)
        return covered

    def due_in(self, now: float) -> float:
        """Seconds until what is sent is to be sent again."""
        return max(0.0, self._at + self._pause - now)

    def again(self, now: float, *, others_at: float) -> list[int]:
        """The messages to be sent again; `others_at`: when the hub last acknowledged anything."""
        if self._pause:
            self._passed_over += others_at > self._at
            self._silent += others_at <= self._at
        self._pause = min(max(2 * self._pause, self.FIRST_S), self.LONGEST_S)
        self._at = now
        return list(self._sent)

    def connected(self) -> None:
        """The line is there again: what is sent is due now, for the hub may have lost it."""
        self._pause = 0.0

    def give_up(self) -> list[int]:
        """The messages to be forgotten, since the hub says nothing about them; none if it may."""
        if self._passed_over < self.PASSED_OVER and self._silent < self.SILENT:
            return []
        given_up, self._sent = list(self._sent), {}
        self.given_up = bool(given_up)
        return given_up

    def drop(self, number: int) -> None:
        """A message is not in the queue any more."""
        self._sent.pop(number, None)

    def _began(self, now: float) -> None:
        self._pause, self._at = self.FIRST_S, now
        self._passed_over = self._silent = 0
