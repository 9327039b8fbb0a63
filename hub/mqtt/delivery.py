"""Messages as they come, and what they come from: one small interface."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from contracts.reading import ClockReference

__all__ = ["Delivery", "LinkedSource", "Source"]


@dataclass(slots=True, eq=False)
class Delivery:
    """One message as it came; `at` is when (UTC), by `clock`.

    `retained`: a retained message replayed at subscription, not news. `redelivered`: the broker
    may have delivered it before. `waited`: how long, in seconds, it may have waited for us at most.
    `properties`: the bytes of its MQTT 5 properties, as they were sent.
    """

    topic: str
    payload: bytes
    at: datetime
    retained: bool = False
    redelivered: bool = False
    tag: object = field(default=None, repr=False)
    clock: ClockReference | None = None
    waited: float = 0.0
    properties: int = 0


class Source(Protocol):
    """Delivers messages and is told when each may be forgotten."""

    async def start(self, deliver: Callable[[Delivery], None]) -> None:
        """Begin; `deliver` is called on the loop for every message."""

    async def stop(self) -> None:
        """End; what is not acknowledged will be delivered again."""

    def acknowledge(self, delivery: Delivery) -> None:
        """The message is safe with us (or refused for good); in any order."""

    async def publish(
        self, topic: str, payload: str | bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Send; returns when the broker has it. Raises NotConnectedError."""


class LinkedSource(Source, Protocol):
    """A source that says whether it is there, and whose topics may change."""

    connected: asyncio.Event
    """Set while messages come."""
    lost: asyncio.Event
    """Set from the end of a connection to the next attempt."""

    def follow(self, filters: Sequence[str]) -> None:
        """Take these from now on, instead of those before."""

    def replay(self, topic_filter: str) -> None:
        """Have the retained messages of a filter delivered once more."""
