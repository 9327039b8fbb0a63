"""Where what a series says came to be on another scale: calibrated, or said otherwise. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.homekit.quantities import quantity
from contracts.reading import SeriesKey, SourceScale
from hub.calibration.scale import ScaleChange
from hub.readings.points import Span

__all__ = ["Mark", "SourceChange", "marks_of", "split", "unit_name"]

_SYMBOLS = {"C": "°C", "F": "°F", "ug/m3": "µg/m³", "mg/m3": "mg/m³", "deg": "°"}


@dataclass(frozen=True, slots=True)
class SourceChange:
    """From `at` on a series' source says its numbers otherwise than before."""

    at: datetime
    scale: SourceScale
    before: SourceScale

    def told(self, key: SeriesKey) -> str:
        """As people read it: `source in °F, before in °C`."""
        return f"source {_said(self.scale, key)}, before {_said(self.before, key)}"


@dataclass(frozen=True, slots=True)
class Mark:
    """What happened to a series' scale at an instant."""

    at: datetime
    text: str


def unit_name(scale: SourceScale, key: SeriesKey) -> str:
    """The unit a source says its numbers in; the series' own where it names none."""
    return _SYMBOLS.get(scale.unit, scale.unit) or quantity(key).unit


def marks_of(
    key: SeriesKey, calibrated: Sequence[ScaleChange], sources: Sequence[SourceChange]
) -> list[Mark]:
    """All that is to be marked of a series, in the order of time."""
    marks = [Mark(one.at, f"calibration: {one}") for one in calibrated]
    marks += [Mark(one.at, one.told(key)) for one in sources]
    return sorted(marks, key=lambda mark: mark.at)


def split(
    span: Span, marks: Sequence[Mark], edges: Sequence[datetime] = ()
) -> Iterator[tuple[Span, str]]:
    """The span in parts that begin where something is marked, each with what; empty: nothing.

    With the `edges` of bins a part begins with the bin in which it happened.
    """
    texts: dict[datetime, list[str]] = {span.since: []}
    for mark in marks:
        at = edges[max(bisect_right(edges, mark.at) - 1, 0)] if edges else mark.at
        if at < span.until:
            texts.setdefault(max(at, span.since), []).append(mark.text)
    begins = sorted(texts)
    for begin, end in zip(begins, [*begins[1:], span.until], strict=True):
        yield Span(begin, end), "; ".join(texts[begin])


def _said(scale: SourceScale, key: SeriesKey) -> str:
    parts = []
    unit = unit_name(scale, key)
    if unit:
        parts.append(f"in {unit}")
    if scale.gain != 1:
        parts.append(f"\N{MULTIPLICATION SIGN} {scale.gain:g}")
    if scale.offset:
        sign = "+" if scale.offset > 0 else "\N{MINUS SIGN}"
        parts.append(f"{sign} {abs(scale.offset):g}")
    return " ".join(parts) or "as it is"
