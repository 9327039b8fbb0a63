"""A calibration as a value, and what it makes of a reading. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.reading import Value

__all__ = ["CalibrationSpan", "calibrated"]


@dataclass(frozen=True, slots=True)
class CalibrationSpan:
    """gain * raw + offset holds since <= t < until (aware); None: without end."""

    since: datetime | None
    until: datetime | None
    gain: float
    offset: float

    def holds(self, at: datetime) -> bool:
        """Whether it holds at an instant."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


def calibrated(raw: Value, at: datetime, spans: Sequence[CalibrationSpan]) -> Value:
    """What a value measured at an instant is, by what held then: as the database computes it.

    States and texts are what they are; a whole number that is calibrated need not be one.
    """
    if isinstance(raw, bool | str):
        return raw
    for span in spans:
        if span.holds(at) and (span.gain, span.offset) != (1.0, 0.0):
            return raw * span.gain + span.offset
    return raw
