"""What series did in hours and days of a zone: means by time, increases, time spent in states.

Days that are over are worked out once and kept (`day_bin`); hours, and the days at the ends of what
was asked, are worked out of readings each time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import sql
from psycopg.rows import TupleRow

from contracts.homekit.quantities import Shape, is_counter, quantity
from contracts.zones import day_edges, hour_edges, is_utc, offset_text
from hub.database.arrays import Column, instants, int4s, texts
from hub.database.database import Connection, TenantDatabase
from hub.database.errors import DatabaseAwayError
from hub.database.queries import Queries
from hub.database.replica.replica import asked
from hub.readings.bins.runs import BinRun, DayRun, bin_runs, whole_days
from hub.readings.csv_dialect import defused
from hub.readings.points import (
    CsvForm,
    Form,
    Piece,
    Resolution,
    Span,
    StoredSeries,
    columns_of,
    piece_of,
)

__all__ = ["BinRepository", "edges_of"]

_QUERIES = Queries.of("hub.readings.bins")
_BINS = _QUERIES["bins_of_readings"].format(reach=_QUERIES["reach_of_runs"])
_KEPT = _QUERIES["bins_of_days"]
_KEPT_ALONE = sql.SQL("({})").format(_KEPT)
_WORKED_OUT = _QUERIES["bins_of_runs"].format(bins=_BINS, kept=_KEPT)
_KEEP_DAYS = _QUERIES["keep_days"].format(bins=_BINS)

_MOST = 10_000  # bins of a statement: 2 MB of text
_HOUR = timedelta(hours=1)
_REACHES = 4  # spans in `reach_of_runs`
_A_FILL = 31  # days that are worked out at a time: nothing is stored meanwhile


def edges_of(resolution: Resolution, zone: ZoneInfo, span: Span) -> list[datetime]:
    """Where the bins begin and end that a span lies in."""
    find = day_edges if resolution is Resolution.DAILY else hour_edges
    return find(zone, span.since, span.until)


@dataclass(frozen=True, slots=True)
class _Window:
    """The bins that one statement gives of some series, the first of which is `first`."""

    first: int
    series: Sequence[StoredSeries]
    edges: Sequence[datetime]


_KeptDays = tuple[int, StoredSeries, DayRun]
"""The number of a series in its window, the series, and days of it that are kept."""


class BinRepository:
    """The bins of one tenant's series, asked in `database`; days are kept in `primary`."""

    def __init__(self, database: TenantDatabase, primary: TenantDatabase | None = None) -> None:
        self._database, self._primary = database, primary or database

    async def pieces(  # noqa: PLR0917  # each says what is asked
        self,
        series: Sequence[StoredSeries],
        span: Span,
        resolution: Resolution,
        form: Form,
        zone: ZoneInfo,
        csv: CsvForm = CsvForm(),  # noqa: B008  # it is frozen
    ) -> AsyncIterator[tuple[int, Piece]]:
        """Bins of several series within the times that count, each with its series' index.

        One series after the other, each in order. A bin that a time ends within is of what was
        measured until then; where the readings of that hour are gone, it is left out of that hour.
        """
        edges = edges_of(resolution, zone, span)
        for window in _windows(series, edges):
            kept = await self._keep(window, zone) if resolution is Resolution.DAILY else []
            async for number, piece in self._given(window, kept, resolution, form, zone, csv):
                yield window.first + number, piece

    async def _given(  # noqa: PLR0917  # each says what is asked
        self,
        window: _Window,
        kept: Sequence[_KeptDays],
        resolution: Resolution,
        form: Form,
        zone: ZoneInfo,
        csv: CsvForm,
    ) -> AsyncIterator[tuple[int, Piece]]:
        of_days: dict[int, list[DayRun]] = {}
        for number, _, days in kept:
            of_days.setdefault(number, []).append(days)
        runs = [
            run
            for number, one in enumerate(window.series)
            for run in bin_runs(number, one, window.edges, of_days.get(number, ()))
        ]
        columns = columns_of(resolution, form, "float", "(%(names)s::text[])[number + 1]", csv)
        # Where all is kept, what would work out the rest is not even planned for.
        every, source = (_WORKED_OUT, sql.SQL("every")) if runs else (sql.SQL(""), _KEPT_ALONE)
        query = _QUERIES["pieces_of_bins"].format(every=every, source=source, columns=columns)
        about = _kept_facts(kept) | _labels(zone, tuple(window.edges))
        about["names"] = [defused(one.key.full_name) for one in window.series]
        about["zone"] = zone.key

        async def rows() -> list[TupleRow]:
            async with self._database.transaction() as conn:
                facts = await _run_facts(conn, runs, days=_daily(resolution)) if runs else {}
                return await (await conn.execute(query, facts | about)).fetchall()

        for number, count, *given in await asked(rows):
            yield number, piece_of(count, given, form, resolution)

    async def _keep(self, window: _Window, zone: ZoneInfo) -> list[_KeptDays]:
        """Work out the days that are over and not kept yet; those that are kept now."""
        settled = _settled()
        wanted = [
            (number, one, days)
            for number, one in enumerate(window.series)
            for days in whole_days(one, window.edges, settled)
        ]
        if not wanted:
            return []
        facts = {
            "n": int4s(range(len(wanted))),
            "series": int4s([one.id for _, one, _ in wanted]),
            "since": instants([days.edges[0] for _, _, days in wanted]),
            "until": instants([days.edges[-1] for _, _, days in wanted]),
            "entered": [days.stay and days.stay.since for _, _, days in wanted],
            "zone": zone.key,
        }
        async with self._database.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["days_kept"], facts)).fetchall()
        kept: list[_KeptDays] = []
        for n, count, first, alone in rows:
            number, one, days = wanted[n]
            if first is not None:
                edges = [edge for edge in days.edges if edge >= first]
                if count < len(edges) - 1:
                    await self._fill(one, edges, zone)
                    if self._database != self._primary:
                        continue  # a standby has what was just kept a moment later
            whole = days if alone else days.later()
            if whole is not None:
                kept.append((number, one, whole))
        return kept

    async def _fill(self, series: StoredSeries, edges: list[datetime], zone: ZoneInfo) -> None:
        """Work out days and keep them. What is asked of a standby does without."""
        with suppress(*[DatabaseAwayError] * (self._database != self._primary)):
            await self._fill_days(series, edges, zone)

    async def _fill_days(self, series: StoredSeries, edges: list[datetime], zone: ZoneInfo) -> None:
        facts = {
            "series": series.id, "zone": zone.key, "since": edges[0], "until": edges[-1],
        }  # fmt: skip
        async with self._primary.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["days_that_are_kept"], facts)).fetchall()
        kept = {(since.astimezone(UTC), until.astimezone(UTC)) for since, until in rows}
        for missing in _missing(edges, kept):
            run = BinRun(1, series, missing, missing)
            # Alone, so that no reading is stored meanwhile that this does not see.
            async with self._primary.transaction() as conn:
                # The series first, as its removal does: else each would wait for the other.
                held = await conn.execute(_QUERIES["hold_series"], [series.id])
                if held.rowcount == 0:
                    return  # it was removed
                await conn.execute(_QUERIES["hold_rollups"])
                filled = await _run_facts(conn, [run], days=True)
                await conn.execute(_KEEP_DAYS, {**filled, "zone": zone.key})


def _daily(resolution: Resolution) -> bool:
    return resolution is Resolution.DAILY


def _settled() -> datetime:
    """Until when days are over for good: what comes today changes none before today (UTC)."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _missing(
    edges: Sequence[datetime], kept: set[tuple[datetime, datetime]]
) -> Iterable[list[datetime]]:
    """The edges of days that are not kept, in runs of some days."""
    run: list[datetime] = []
    for since, until in pairwise(edges):
        if (since, until) in kept or len(run) > _A_FILL:
            if run:
                yield run
            run = []
        if (since, until) not in kept:
            run = [*(run or [since]), until]
    if run:
        yield run


def _windows(series: Sequence[StoredSeries], edges: list[datetime]) -> Iterable[_Window]:
    bins = max(1, len(edges) - 1)
    step = max(1, _MOST // bins)
    for first in range(0, len(series), step):
        chunk = series[first : first + step]
        for begin in range(0, bins, _MOST):
            yield _Window(first, chunk, edges[begin : begin + _MOST + 1])


async def _run_facts(conn: Connection, runs: Sequence[BinRun], *, days: bool) -> dict[str, Any]:
    until = max((run.edges[-1] for run in runs), default=datetime.now(UTC))
    held = await _silences(conn, [run.series for run in runs], min(until, datetime.now(UTC)))
    return _reach(runs) | {
        "run": list(range(len(runs))),
        "run_number": [run.number for run in runs],
        "run_series": [run.series.id for run in runs],
        "run_floor": [run.floor for run in runs],
        "run_cut": [run.cut for run in runs],
        "run_held": [held.get(run.series.id) for run in runs],
        "run_counter": [is_counter(run.series.key) for run in runs],
        "run_states": [_is_state(run.series) for run in runs],
        "run_days": [days for _ in runs],
        "edge_run": [n for n, run in enumerate(runs) for _ in run.edges],
        "edge": [edge for run in runs for edge in run.edges],
        "label": [label for run in runs for label in run.labels],
    }


async def _silences(
    conn: Connection, series: Sequence[StoredSeries], until: datetime
) -> dict[int, timedelta]:
    """How long a value of each holds at most; a series that is not there: for ever."""
    unique = {one.id: _is_state(one) for one in series}
    facts = {"series": list(unique), "state": list(unique.values()), "until": until}
    rows = await (await conn.execute(_QUERIES["silences"], facts)).fetchall()
    return {number: held for number, held in rows if held is not None}


def _is_state(series: StoredSeries) -> bool:
    return series.kind == "bool" or quantity(series.key).shape is Shape.STEPS


def _kept_facts(kept: Sequence[_KeptDays]) -> dict[str, Any]:
    return {
        "kept_n": int4s([number for number, _, _ in kept]),
        "kept_series": int4s([one.id for _, one, _ in kept]),
        "kept_since": instants([days.edges[0] for _, _, days in kept]),
        "kept_until": instants([days.edges[-1] for _, _, days in kept]),
    }


@lru_cache(maxsize=1)
def _labels(zone: ZoneInfo, edges: tuple[datetime, ...]) -> dict[str, Column]:
    """How the times of bins are written: made once, however many series have bins then."""
    plain = is_utc(zone)
    return {
        "bin": instants(edges),
        "bin_label": texts([
            f"{local:%Y-%m-%dT%H:%M:%S.%f}{'Z' if plain else offset_text(local)}"
            for local in (edge.astimezone(zone) for edge in edges)
        ]),
    }  # fmt: skip


def _reach(runs: Sequence[BinRun]) -> dict[str, datetime]:
    """Four spans that have all runs in them, with the hours at their ends whole."""
    spans: list[tuple[datetime, datetime]] = []
    for since, until in sorted((run.edges[0] - _HOUR, run.edges[-1] + _HOUR) for run in runs):
        if spans and since <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(until, spans[-1][1])
        else:
            spans.append((since, until))
    while len(spans) > _REACHES:  # the two with the least between them
        n = min(range(len(spans) - 1), key=lambda n: spans[n + 1][0] - spans[n][1])
        spans[n : n + 2] = [(spans[n][0], spans[n + 1][1])]
    nothing = datetime.now(UTC)
    spans += [spans[-1] if spans else (nothing, nothing)] * (_REACHES - len(spans))
    facts: dict[str, datetime] = {}
    for n, (since, until) in enumerate(spans, 1):
        facts |= {f"since_{n}": since, f"until_{n}": until}
    return facts
