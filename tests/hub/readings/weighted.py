"""Bins by the plain rule: each value holds until the next one, no longer than its silence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def bins(readings, edges, held=None, *, stays=None):
    """(start, n, mean by time, low, high, last, plain mean, seconds) of bins with readings.

    `readings` are (at, value) in order. With `stays` only those within them count, each stay for
    itself, and nothing holds beyond its end.
    """
    spans = []
    for since, until in stays or [(datetime.min.replace(tzinfo=UTC), datetime.now(UTC))]:
        inside = [
            (at, value) for at, value in readings if since <= at and (not stays or at < until)
        ]
        ends = [*(at for at, _ in inside), until][1:]
        spans += [
            (at, min(end, until, at + held if held else until), value)
            for (at, value), end in zip(inside, ends, strict=True)
        ]
    made = []
    for begin, end in pairwise(edges):
        own = [value for at, _, value in spans if begin <= at < end]
        area = seconds = 0.0
        for a, b, value in spans:
            known = (min(b, end) - max(a, begin)).total_seconds()
            if known > 0:
                area, seconds = area + value * known, seconds + known
        if own:
            mean = area / seconds if seconds else sum(own) / len(own)
            made.append((
                begin, len(own), pytest.approx(mean), min(own), max(own), own[-1],
                pytest.approx(sum(own) / len(own)), pytest.approx(seconds, abs=5),
            ))  # fmt: skip
    return made


def utc_edges(since, until, width):
    """Edges of whole hours or days of UTC over a span."""
    edges = [since - (since - datetime(2000, 1, 1, tzinfo=UTC)) % width]
    while edges[-1] < until:
        edges.append(edges[-1] + width)
    return edges
