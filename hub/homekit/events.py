"""When an event may leave: the first at once, what follows gathered, no characteristic too often.

Pure: whoever sends asks what is due, and when.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["GATHER_S", "PERIOD_S", "GatheredEvents"]

Place = tuple[int, int]
"""An accessory's id and a characteristic's."""

GATHER_S = 0.25
"""After a message of events the next one waits so long: what one thing changes comes together."""

PERIOD_S = 1.0
"""HAP specification 6.8: what is not one of the exceptions is told once a second at most; who tells
more may be shown as misbehaving, or unpaired."""


class GatheredEvents:
    """What one controller is to be told: the last value of each characteristic, when it is due."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting: dict[Place, dict[str, Any]] = {}
        self._next_message = 0.0
        # When each characteristic that was told lately may be told again.
        self._next_of: dict[Place, float] = {}

    def put(self, place: Place, event: dict[str, Any]) -> float:
        """Take an event in place of an earlier one of that characteristic; when it is due."""
        self._waiting[place] = event
        return self._due(place)

    def take(self) -> list[dict[str, Any]]:
        """What is due now, in the order in which it became news; it counts as told."""
        now = self._clock()
        due = [place for place in self._waiting if self._due(place) <= now]
        if due:
            self._next_of = {place: at for place, at in self._next_of.items() if at > now}
            self._next_message = now + GATHER_S
            self._next_of.update(dict.fromkeys(due, now + PERIOD_S))
        return [self._waiting.pop(place) for place in due]

    @property
    def due(self) -> float | None:
        """When the next of what is left is due; None when nothing is left."""
        return min(map(self._due, self._waiting), default=None)

    def _due(self, place: Place) -> float:
        return max(self._next_message, self._next_of.get(place, 0.0))
