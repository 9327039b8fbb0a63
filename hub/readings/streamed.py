"""An answer with points: JSON, or a file, a piece at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from contracts.homekit.quantities import quantity
from hub.api.parameters import series_name
from hub.readings.csv_dialect import PLAIN, CsvDialect, defused
from hub.readings.exports import Exports
from hub.readings.formats import ResponseFormat
from hub.readings.marks import Mark, SourceChange, marks_of, unit_name
from hub.readings.points import COLUMNS, CsvForm, Form, Piece, Resolution, Span, StoredSeries
from hub.readings.service import TenantReadings

__all__ = ["PointsAsk", "file_chunks", "json_chunks"]


@dataclass(frozen=True, slots=True)
class PointsAsk:
    """A checked request for points; `sources` are the changes of series' sources, by number."""

    readings: TenantReadings
    series: list[StoredSeries]
    span: Span
    resolution: Resolution
    zone: ZoneInfo
    dialect: CsvDialect = PLAIN
    sources: dict[int, list[SourceChange]] = field(default_factory=dict)

    @property
    def texts(self) -> bool:
        """Whether a series of texts is among them."""
        return any(series.kind == "string" for series in self.series)

    def marks(self) -> dict[int, list[Mark]]:
        """What is marked of the series, by their index; of those alone of which anything is."""
        found = (
            marks_of(one.key, one.scale_changes(self.span), self.sources.get(one.id, ()))
            for one in self.series
        )
        return {number: marks for number, marks in enumerate(found) if marks}

    def pieces(
        self, exports: Exports, form: Form, marks: dict[int, list[Mark]] | None = None
    ) -> AsyncIterator[tuple[int, Piece]]:
        """The points, in turn with other answers."""
        pieces = self.readings.pieces(
            self.series, self.span, self.resolution, form, self.zone, self.dialect, marks
        )
        return exports.paced(self.readings.tenant, pieces)


async def json_chunks(ask: PointsAsk, exports: Exports) -> AsyncIterator[bytes]:
    """A JSON answer."""
    with exports.one(ask.readings.tenant):
        head = {
            "zone": ask.zone.key,
            "age_s": None if ask.readings.age is None else round(ask.readings.age, 1),
            "since": ask.span.since.astimezone(ask.zone).isoformat(),
            "until": ask.span.until.astimezone(ask.zone).isoformat(),
            "resolution": ask.resolution.value,
            "columns": COLUMNS[ask.resolution],
        }
        before = json.dumps(head)[:-1] + ', "series": ['
        begun = 0
        async for number, piece in ask.pieces(exports, Form.JSON):
            while begun <= number:
                before = await _head(ask, begun, before)
                begun += 1
            yield f"{before}{piece.text}".encode()
            before = ","
        # A series without any points still has its head.
        while begun < len(ask.series):
            before = await _head(ask, begun, before)
            begun += 1
        yield f"{_ended(before)}]}}".encode()


async def _head(ask: PointsAsk, number: int, before: str) -> str:
    """What comes before a series' points, after those of the one before."""
    about = json.dumps(await _about(ask, ask.series[number]))[:-1]
    between = f"{_ended(before)}, " if number else before
    return f'{between}{about}, "points": ['


def _ended(before: str) -> str:
    """What closes the list of points that was open, if there was one."""
    if before == ",":
        return "]}"
    return before if before.endswith('"series": [') else f"{before}]}}"


async def _about(ask: PointsAsk, series: StoredSeries) -> dict[str, Any]:
    gaps = await ask.readings.gaps(series, ask.span, ask.resolution)
    kind = quantity(series.key)
    return {
        "series": series_name(series.key),
        "label": kind.label,
        "unit": kind.unit,
        "kind": series.kind,
        "expected_s": gaps.expected_s,
        "gaps": [_times(ask, began, ended) for began, ended in gaps.ranges],
        "more_gaps": gaps.more,
        "scale": [
            {"at": _times(ask, one.at)[0], "gain": one.gain, "offset": one.offset}
            for one in series.scale_changes(ask.span)
        ],
        "source": [
            {
                "at": _times(ask, one.at)[0],
                "unit": unit_name(one.scale, series.key),
                "gain": one.scale.gain,
                "offset": one.scale.offset,
                "text": one.told(series.key),
            }
            for one in ask.sources.get(series.id, ())
        ],
        "there": _there(series, ask),
    }


def _times(ask: PointsAsk, *instants: datetime) -> list[str]:
    return [instant.astimezone(ask.zone).isoformat() for instant in instants]


def _there(series: StoredSeries, ask: PointsAsk) -> list[list[str]] | None:
    if series.within is None:
        return None
    return [_times(ask, part.since, part.until) for part in series.parts(ask.span)]


async def file_chunks(
    ask: PointsAsk, exports: Exports, form: ResponseFormat
) -> AsyncIterator[bytes]:
    """A CSV, Parquet or Arrow file."""
    with exports.one(ask.readings.tenant):
        marks = ask.marks()
        behind = CsvForm(ask.dialect, ask.texts, bool(marks)).behind
        if form is ResponseFormat.CSV:
            names = ["series", *COLUMNS[ask.resolution], *behind]
            yield ask.dialect.mark + (ask.dialect.separator.join(names) + "\n").encode()
            async for _, piece in ask.pieces(exports, Form.CSV, marks):
                yield (_marked(piece) + "\n").encode()
            return
        # 30 MB and half a second: only for those who want it, and not on the loop.
        columns = await asyncio.to_thread(_columns)
        made = columns.ParquetFile if form is ResponseFormat.PARQUET else columns.ArrowFile
        names = [series_name(series.key) for series in ask.series]
        file = made(names, ask.resolution, ask.zone.key, behind)
        async for number, piece in ask.pieces(exports, Form.PACKED, marks):
            if done := file.add(number, piece, ask.series[number].kind):
                yield done
        yield file.end()


def _marked(piece: Piece) -> str:
    """The lines, with what is marked in the last cell of the first; only numbers have marks."""
    if not piece.mark:
        return piece.text
    first, end, rest = piece.text.partition("\n")
    cell = defused(piece.mark).replace('"', '""')
    return f'{first}"{cell}"{end}{rest}'


def _columns() -> Any:
    from hub.readings import columns  # noqa: PLC0415  # see above

    return columns
