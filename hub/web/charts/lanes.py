"""Lanes below a chart's panes: states as filled pieces of time, and whether readings came. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hub.language.words import _
from hub.web.charts.trace import BinRanges, Trace

__all__ = ["LANE_PX", "ChartLane", "LanePiece", "came", "is_lane", "lane_of", "lane_options"]

LANE_PX = 32
"""Height of a lane with what lies between it and the next one."""

_FILL_PX = 16
_PIECES = 48  # of the lane of reports
_ALL = 0.99  # so much of a piece is all of it: its ends are between two readings


@dataclass(frozen=True, slots=True)
class LanePiece:
    """A piece of time (ms) that is filled: `share` of its height, in the colour of `kind`.

    `kind`: state, ok, partly or missing. `word` stands in it where there is room.
    """

    since: int
    until: int
    kind: str = "state"
    share: float = 1.0
    word: str = ""


@dataclass(frozen=True, slots=True)
class ChartLane:
    """`end` stands at its right: what it comes to."""

    name: str
    pieces: Sequence[LanePiece]
    end: str = ""


def is_lane(trace: Trace) -> bool:
    """Whether a trace is of a state with words: those are no curve on a scale."""
    return bool(trace.kind.words) and not trace.bars


def lane_of(trace: Trace, until: int) -> ChartLane:
    """The noticeable state (all but 0) as filled pieces, the other one as a thin line."""
    data = trace.data
    pieces: list[LanePiece] = []
    if isinstance(data, BinRanges):
        ends = data.ends or [at + data.width for at in data.at]
        shares = data.shares or [float(value != 0) for value in data.line]
        for at, end, share in zip(data.at, ends, shares, strict=True):
            if share > 0:
                pieces.append(LanePiece(at, min(end, until), share=min(1.0, share)))
        return ChartLane(trace.name, pieces)
    last = data.at[-1] if data.at else 0
    held = max(last, min(trace.held_until or last, until))
    for (at, end), value in zip(pairwise([*data.at, held]), data.values, strict=True):
        stop = next((a for a, _ in trace.missing if at <= a < end), end)
        if value == 0 or stop < at:
            continue
        word = trace.kind.words.get(int(value), "")
        before = pieces[-1] if pieces else None
        if before and before.until == at and before.word == word:
            pieces[-1] = LanePiece(before.since, stop, word=word)
        else:
            pieces.append(LanePiece(at, stop, word=word))
    return ChartLane(trace.name, pieces)


def came(
    missing: Sequence[tuple[int, int]], since: int, until: int, first: int | None
) -> ChartLane | None:
    """Whether readings came: green, amber partly, red missing; before `first` nothing is told."""
    if first is None or first >= until:
        return None
    width = (until - since) / _PIECES
    gaps = [(max(a, since), min(b, until)) for a, b in missing if b > since and a < until]
    pieces = []
    for n in range(_PIECES):
        a, b = round(since + n * width), round(since + (n + 1) * width)
        if b <= first:
            continue
        gone = sum(max(0, min(b, y) - max(a, x)) for x, y in gaps) / (b - a)
        kind = "ok" if gone <= 1 - _ALL else "missing" if gone >= _ALL else "partly"
        pieces.append(LanePiece(a, b, kind))
    told = until - max(since, first)
    share = 1 - sum(b - a for a, b in gaps) / told
    return ChartLane(_("Reports"), pieces, f"{100 * max(0.0, share):.1f} %")


def lane_options(lane: ChartLane, index: int, place: dict[str, Any]) -> dict[str, Any]:
    """A lane as an ECharts series; chart.js adds how a piece is drawn."""
    return {
        **place,
        "type": "custom",
        "name": lane.name,
        "xAxisIndex": index,
        "yAxisIndex": index,
        "lane": {"height": _FILL_PX, "end": lane.end},
        "encode": {"x": [0, 1], "y": -1},
        "clip": True,
        "silent": True,
        "data": [
            {"value": [one.since, one.until, one.share], "kind": one.kind, "name": one.word}
            for one in lane.pieces
        ],
    }
