"""What a chart shows in words and numbers: for who cannot see it, and below it for all. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from contracts.homekit.quantities import Shape
from hub.language.times import lasting, number
from hub.language.words import _, ngettext
from hub.web.charts import BinRanges, ChartLane, Trace, came, is_lane
from hub.web.terms import shown

__all__ = ["reports_lane", "spoken", "summary"]

_GAP = " \N{MIDDLE DOT} "


def spoken(trace: Trace) -> str:
    """A trace in words."""
    data = trace.data
    values = [*data.low, *data.high] if isinstance(data, BinRanges) else list(data.values)
    if not values:
        return _("{name}: no data", name=trace.name)
    low, high = (number(f"{one:.{trace.kind.decimals}f}") for one in (min(values), max(values)))
    told = _(
        "{name}: {low} to {high} {unit}", name=trace.name, low=low, high=high, unit=trace.kind.unit
    )
    gaps = len(trace.missing)
    return told.rstrip() + (ngettext(", {n} gap", ", {n} gaps", gaps) if gaps else "")


def summary(traces: Sequence[Trace], fineness: str, until: int) -> str:
    """Lowest, mean and highest of the first curve, for how long states held, what is shown."""
    if not traces:
        return ""
    parts = []
    first = next((one for one in traces if one.kind.shape is Shape.CURVE and not one.bars), None)
    if first is not None:
        parts += _extremes(first)
    for trace in traces:
        if is_lane(trace) and (held := _held(trace, until)):
            parts.append(f"{trace.name} {_(trace.kind.words.get(1, 'on'))} {lasting(held)}")
    return _GAP.join([*parts, _("Shown: {fineness}", fineness=fineness)])


def _extremes(trace: Trace) -> list[str]:
    data = trace.data
    if isinstance(data, BinRanges):
        low, line, high = data.low, data.line, data.high
    else:
        low = line = high = data.values
    if not line:
        return []
    named = {_("Lowest"): min(low), _("Mean"): sum(line) / len(line), _("Highest"): max(high)}
    return [f"{name} {shown(value, trace.kind)}" for name, value in named.items()]


def _held(trace: Trace, until: int) -> float:
    """For how many seconds a state was another one than 0."""
    data = trace.data
    if isinstance(data, BinRanges):
        return sum(data.width * share for share in data.shares) / 1000
    if not data.at:
        return 0.0
    end = max(data.at[-1], min(trace.held_until or data.at[-1], until))
    spans = zip(pairwise([*data.at, end]), data.values, strict=True)
    return sum(b - a for (a, b), value in spans if value) / 1000


def reports_lane(traces: Sequence[Trace], since: int, until: int) -> list[ChartLane]:
    """Whether readings of the first curve came; none where nothing is promised."""
    first = next((one for one in traces if one.kind.shape is Shape.CURVE and not one.bars), None)
    if first is None:
        return []
    # What was missing before the first reading of the window begins before it.
    begins = [*first.data.at[:1], *(a for a, _ in first.missing[:1])]
    lane = came(first.missing, since, until, min(begins, default=None))
    return [lane] if lane is not None else []
