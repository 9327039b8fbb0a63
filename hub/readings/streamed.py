"""An answer with points: JSON, or a file, a piece at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from contracts.homekit.quantities import quantity
from hub.api.parameters import series_name
from hub.readings.csv_dialect import PLAIN, CsvDialect
from hub.readings.exports import Exports
from hub.readings.formats import ResponseFormat
from hub.readings.points import COLUMNS, Form, Piece, Resolution, Span, StoredSeries
from hub.readings.service import TenantReadings

__all__ = ["PointsAsk", "file_chunks", "json_chunks"]


@dataclass(frozen=True, slots=True)
class PointsAsk:
    """A checked request for points."""

    readings: TenantReadings
    series: list[StoredSeries]
    span: Span
    resolution: Resolution
    zone: ZoneInfo
    dialect: CsvDialect = PLAIN

    @property
    def texts(self) -> bool:
        """Whether a series of texts is among them."""
        return any(series.kind == "string" for series in self.series)

    def pieces(self, exports: Exports, form: Form) -> AsyncIterator[tuple[int, Piece]]:
        """The points, in turn with other answers."""
        pieces = self.readings.pieces(
            self.series, self.span, self.resolution, form, self.zone, self.dialect
        )
        return exports.paced(self.readings.tenant, pieces)


async def json_chunks(ask: PointsAsk, exports: Exports) -> AsyncIterator[bytes]:
    """A JSON answer."""
    with exports.one(ask.readings.tenant):
        head = {
            "zone": ask.zone.key,
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
        if form is ResponseFormat.CSV:
            names = ["series", *COLUMNS[ask.resolution], *(["text"] if ask.texts else [])]
            yield ask.dialect.mark + (ask.dialect.separator.join(names) + "\n").encode()
            async for _, piece in ask.pieces(exports, Form.CSV):
                yield (piece.text + "\n").encode()
            return
        # 30 MB and half a second: only for those who want it, and not on the loop.
        columns = await asyncio.to_thread(_columns)
        made = columns.ParquetFile if form is ResponseFormat.PARQUET else columns.ArrowFile
        names = [series_name(series.key) for series in ask.series]
        file = made(names, ask.resolution, ask.zone.key, texts=ask.texts)
        async for number, piece in ask.pieces(exports, Form.PACKED):
            if done := file.add(number, piece, ask.series[number].kind):
                yield done
        yield file.end()


def _columns() -> Any:
    from hub.readings import columns  # noqa: PLC0415  # see above

    return columns
