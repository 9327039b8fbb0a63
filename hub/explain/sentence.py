"""One fact in words, and all of them about a device."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from hub.explain.battery import BatteryForecast

__all__ = ["Explanation", "Level", "Sentence"]


class Level(IntEnum):
    """How much it matters."""

    FINE = 0
    WARNING = 1
    BAD = 2


@dataclass(frozen=True, slots=True)
class Sentence:
    """One fact and the instant (UTC) it belongs to; `kind` names what it is about."""

    at: datetime
    kind: str
    text: str
    level: Level = Level.FINE


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to say of a device: the headline first, then the chain, newest first.

    Sentences tell times by the clock of `zone`.
    """

    device: str
    name: str | None
    headline: Sentence
    chain: tuple[Sentence, ...]
    battery: BatteryForecast | None = None
    zone: str = "UTC"

    @property
    def title(self) -> str:
        """The device as people know it."""
        return self.name or self.device
