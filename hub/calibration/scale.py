"""When what a series says came to be on another scale than before. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.calibration.span import CalibrationSpan

__all__ = ["ScaleChange", "scale_changes", "spans_of"]


@dataclass(frozen=True, slots=True)
class ScaleChange:
    """From `at` on a series is gain * raw + offset; 1 and 0: as measured."""

    at: datetime
    gain: float
    offset: float

    def __str__(self) -> str:
        """As people read it: `1.02 x measured - 0.4`."""
        if (self.gain, self.offset) == (1, 0):
            return "as measured"
        times = "" if self.gain == 1 else f"{self.gain:g} \N{MULTIPLICATION SIGN} "
        sign = "+" if self.offset > 0 else "\N{MINUS SIGN}"
        return f"{times}measured" + (f" {sign} {abs(self.offset):g}" if self.offset else "")


def scale_changes(
    spans: Iterable[CalibrationSpan], since: datetime, until: datetime
) -> list[ScaleChange]:
    """The changes at since < t < until, in order; ends that change nothing are none."""
    held = list(spans)
    edges = sorted({t for one in held for t in (one.since, one.until) if t is not None})
    changes: list[ScaleChange] = []
    scale = _holding(held, None)
    for at in edges:
        before, scale = scale, _holding(held, at)
        if scale != before and since < at < until:
            changes.append(ScaleChange(at, *scale))
    return changes


def spans_of(known: Iterable[dict[str, Any]]) -> list[CalibrationSpan]:
    """What a stored series has of its calibration, as values."""
    return [
        CalibrationSpan(_instant(one["since"]), _instant(one["until"]), one["gain"], one["offset"])
        for one in known
    ]


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _holding(spans: Iterable[CalibrationSpan], at: datetime | None) -> tuple[float, float]:
    """Gain and offset at an instant; None: before all of them."""
    for one in spans:
        if one.since is None if at is None else one.holds(at):
            return one.gain, one.offset
    return 1.0, 0.0
