"""Bins of several hours each, made of hours. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

__all__ = ["StoredBins", "joined"]


@dataclass(frozen=True, slots=True)
class StoredBins:
    """Bins in order: at to ends (ms), what their line shows, lowest, highest.

    `seconds` of each are known; `shares` are of a state, empty for what is none.
    """

    at: Sequence[int]
    ends: Sequence[int]
    line: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    seconds: Sequence[float]
    shares: Sequence[float]


def joined(bins: StoredBins, hours: int, zone: ZoneInfo, *, last: bool = False) -> StoredBins:
    """So many hours of the zone's clock in one, means weighted by the seconds that are known.

    A new one begins at hours that `hours` divides, so none goes over midnight. `last`: the line
    shows what was in the end. A bin ends with the last hour that there is in it.
    """

    def together(n: int) -> tuple[int, int]:
        local = datetime.fromtimestamp(bins.at[n] / 1000, UTC).astimezone(zone)
        return local.toordinal(), local.hour // hours

    made: list[tuple[int, int, float, float, float, float, float]] = []
    for _, grouped in groupby(range(len(bins.at)), together):
        of = list(grouped)
        known = [
            max(bins.seconds[n], 0.0) if bins.seconds[n] == bins.seconds[n] else 0.0 for n in of
        ]  # NaN
        total = sum(known)
        weights = [one / total for one in known] if total else [1 / len(of)] * len(of)

        def mean(values: Sequence[float], of: list[int] = of, w: list[float] = weights) -> float:
            return sum(values[n] * part for n, part in zip(of, w, strict=True))

        made.append((
            bins.at[of[0]],
            bins.ends[of[-1]],
            bins.line[of[-1]] if last else mean(bins.line),
            min(bins.low[n] for n in of),
            max(bins.high[n] for n in of),
            total,
            mean(bins.shares) if bins.shares else 0.0,
        ))  # fmt: skip
    at, ends, line, low, high, seconds, shares = zip(*made, strict=True) if made else ((),) * 7
    return StoredBins(at, ends, line, low, high, seconds, shares if bins.shares else ())
