"""What is happening now, to whoever looks on: one bounded stream of events for each tenant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from contracts.reading import SeriesKey, Value
from hub.runtime.broadcast import Broadcast, Missed
from hub.runtime.broadcast import Subscription as BroadcastSubscription

__all__ = [
    "Live",
    "LiveChange",
    "LiveCommand",
    "LiveOnline",
    "LiveReport",
    "LiveValue",
    "Missed",
    "Subscription",
    "Update",
]


class LiveValue(NamedTuple):
    """A value that was heard: `value` calibrated by what held at `at`, `raw` as measured.

    It is in the database: who subscribes and then asks the database misses none. (Of a broker that
    another worker stores from, it is there a moment later.) `at` is when it was measured (UTC):
    late readings of a `$batch` come in the order of their times, which may lie before those of
    values told earlier.
    """

    series: SeriesKey
    value: Value
    at: datetime
    raw: Value


class LiveReport(NamedTuple):
    """A device's `$report` as it came (JSON), received at `at`."""

    device: str
    report: Mapping[str, Any]
    at: datetime


class LiveOnline(NamedTuple):
    """A device that stays awake came or went."""

    device: str
    online: bool
    at: datetime


class LiveCommand(NamedTuple):
    """Somebody's wish was sent to a device; what it does about it comes as a LiveValue."""

    series: SeriesKey
    value: Value
    at: datetime


class LiveChange(NamedTuple):
    """Something else is not as it was (`noun`: "place", "rollout", ...; `key`: which): ask anew."""

    noun: str
    key: str


Update: TypeAlias = LiveValue | LiveReport | LiveOnline | LiveCommand | LiveChange


Subscription: TypeAlias = BroadcastSubscription[Update]
"""One subscriber's place in its tenant's stream."""


class Live(Broadcast[Update]):
    """The streams of all tenants. Without subscribers a tenant has none, and costs nothing.

    A stream keeps its last `size` events, so a subscriber that falls further behind loses the
    oldest, and `linger_s` after its last subscriber left, so that one who comes back goes on where
    it was.
    """

    def __init__(self, size: int = 2048, linger_s: float = 120.0) -> None:
        super().__init__(size, linger_s)
        self._on_change: list[Callable[[str], None]] = []

    def on_change(self, heard: Callable[[str], None]) -> None:
        """Call `heard` with the tenant at every LiveChange, before anybody else has it."""
        self._on_change.append(heard)

    def publish(self, topic: str, event: Update) -> None:
        """Tell who looks on at a tenant (the topic)."""
        if isinstance(event, LiveChange):
            for heard in self._on_change:
                heard(topic)
        super().publish(topic, event)
