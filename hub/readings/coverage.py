"""How much there is of series: which resolution a span wants, and where readings are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import sql

from hub.database.database import Connection, TenantDatabase
from hub.database.queries import Queries
from hub.readings.points import Resolution, Span, StoredSeries

__all__ = ["CoverageRepository", "SeriesGaps"]

_QUERIES = Queries.of("hub.readings")

_MOST_GAPS = 1000


@dataclass(frozen=True, slots=True)
class SeriesGaps:
    """Where readings are missing, [from, to) in order: from the last one there is to the next.

    `expected_s` is how often one was to come, by which gaps are judged: the device's own word, or
    what it usually did in that span where that is longer. None for a device that promises nothing,
    or a series that tells changes only; then nothing can be said. `more`: there are others.
    """

    expected_s: float | None
    ranges: list[tuple[datetime, datetime]]
    more: bool = False


class CoverageRepository:
    """What one tenant's series cover."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def choose(self, series: Sequence[StoredSeries], span: Span, points: int) -> Resolution:
        """The finest resolution at which no series has more than `points`, and which is kept.

        Readings that were given up with the years leave their hours, those their days.
        """
        order = list(Resolution)
        chosen = Resolution.RAW
        async with self._database.transaction() as conn:
            for one in series:
                parts = one.parts(span)
                if one.kind != "string" and parts:
                    there = Span(parts[0].since, parts[-1].until)
                    wanted = await _choose(conn, one, there, points)
                    chosen = max(chosen, wanted, key=order.index)
        return chosen

    async def gaps(self, series: StoredSeries, span: Span, resolution: Resolution) -> SeriesGaps:
        """Where a series' readings are missing in a span, up to now."""
        async with self._database.transaction() as conn:
            expected = await _expected(conn, series, span)
            if expected is None:
                return SeriesGaps(None, [])
            # Two in a row may be lost on the radio and come a wake later; a third is a gap.
            limit = max(2.5 * expected, resolution.width.total_seconds() * 1.5)
            facts = _facts(series, span.over(resolution)) | {
                "limit": timedelta(seconds=limit),
                "width": resolution.width,
                "most": _MOST_GAPS + 1,
            }
            query = _QUERIES["gaps_in_times"].format(times=_TIMES[resolution])
            rows = await (await conn.execute(query, facts)).fetchall()
        missing = (Span(began, ended) for began, ended in rows)
        ranges = [(one.since, one.until) for gap in missing for one in series.parts(gap)]
        return SeriesGaps(expected, ranges[:_MOST_GAPS], len(ranges) > _MOST_GAPS)


def _facts(series: StoredSeries, span: Span) -> dict[str, Any]:
    return {"series": series.id, "since": span.since, "until": span.until}


_KEPT = {
    Resolution.RAW: _QUERIES["is_reading_kept"],
    Resolution.HOURLY: _QUERIES["is_hour_kept"],
}


async def _choose(conn: Connection, series: StoredSeries, span: Span, points: int) -> Resolution:
    hours, readings, first = await _size(conn, series, span, Resolution.HOURLY)
    if readings <= points and first and await _kept(conn, series, Resolution.RAW, first, 1):
        return Resolution.RAW
    days, _, first = await _size(conn, series, span, Resolution.DAILY)
    if not days or first is None:
        # No hours either: nothing there, and any resolution says so.
        return Resolution.HOURLY if hours else Resolution.RAW
    if hours <= points and await _kept(conn, series, Resolution.HOURLY, first, 24):
        return Resolution.HOURLY
    return Resolution.DAILY


async def _size(
    conn: Connection, series: StoredSeries, span: Span, resolution: Resolution
) -> tuple[int, int, datetime | None]:
    query = _QUERIES["size_of_rollup"].format(rollup=sql.Identifier(resolution.value))
    row = await (await conn.execute(query, _facts(series, span.over(resolution)))).fetchone()
    return (int(row[0]), int(row[1]), row[2]) if row else (0, 0, None)


async def _kept(
    conn: Connection, series: StoredSeries, finer: Resolution, first: datetime, hours: int
) -> bool:
    """Whether the first bin of a coarser resolution is there in the finer one."""
    facts = {"series": series.id, "first": first, "end": first + timedelta(hours=hours)}
    row = await (await conn.execute(_KEPT[finer], facts)).fetchone()
    return bool(row and row[0])


async def _expected(conn: Connection, series: StoredSeries, span: Span) -> float | None:
    row = await (await conn.execute(_QUERIES["expected_interval"], _facts(series, span))).fetchone()
    promised, an_hour, apart = row or (None, None, None)
    if promised is None or promised <= 0 or series.kind not in {"int", "float"}:
        return None
    if an_hour is not None and an_hour >= 2:
        return max(float(promised), 3600 / float(an_hour))
    return max(float(promised), float(apart or 0))


_TIMES = {
    Resolution.RAW: _QUERIES["times_of_readings"],
    Resolution.HOURLY: _QUERIES["times_of_bins"].format(rollup=sql.Identifier("hourly")),
    Resolution.DAILY: _QUERIES["times_of_bins"].format(rollup=sql.Identifier("daily")),
}
