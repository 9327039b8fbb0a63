"""What series did over any span, a piece at a time: for the API, for files, for charts.

Nothing here holds a connection or a transaction between two pieces, so a slow reader of a long
answer costs the database nothing. What is stored while an answer is made may be in it or not.
"""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from psycopg import sql
from psycopg.types.json import Jsonb

from contracts.reading import SeriesKey
from hub.database.database import Connection, TenantDatabase
from hub.database.errors import ForeignRowError
from hub.database.queries import Queries

__all__ = ["COLUMNS", "Form", "Piece", "PointRepository", "Resolution", "Span", "StoredSeries"]

_QUERIES = Queries.of("hub.readings")

_SIZE = 5000  # rows a piece: 300 KB of text, 10 ms of the database


class Resolution(StrEnum):
    """Every reading, or what a series did in each hour or day (UTC)."""

    RAW = "raw"
    HOURLY = "hourly"
    DAILY = "daily"

    @property
    def width(self) -> timedelta:
        """How long a bin is; zero for readings."""
        hours = {Resolution.RAW: 0, Resolution.HOURLY: 1, Resolution.DAILY: 24}
        return timedelta(hours=hours[self])


class Form(StrEnum):
    """How a piece is given: JSON arrays, CSV lines, or columns of numbers."""

    JSON = "json"
    CSV = "csv"
    PACKED = "packed"


COLUMNS: dict[Resolution, tuple[str, ...]] = {
    Resolution.RAW: ("at", "value", "raw"),
    Resolution.HOURLY: ("start", "n", "mean", "low", "high", "last"),
    Resolution.DAILY: ("start", "n", "mean", "low", "high", "last"),
}
"""The columns of a point: `value` is calibrated, `raw` as measured, bins are of calibrated."""


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """A series with its number; `kind` is bool, int, float or string.

    `calibration` lists what holds when: objects with since, until, gain, offset.
    """

    id: int
    key: SeriesKey
    kind: Literal["bool", "int", "float", "string"]
    calibration: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Span:
    """since <= t < until, aware."""

    since: datetime
    until: datetime

    def over(self, resolution: Resolution) -> Span:
        """The span that begins with the whole bin that `since` lies in."""
        since = self.since.astimezone(UTC)
        if resolution is Resolution.HOURLY:
            since = since.replace(minute=0, second=0, microsecond=0)
        elif resolution is Resolution.DAILY:
            since = since.replace(hour=0, minute=0, second=0, microsecond=0)
        return Span(since, self.until)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some points in order. `text` in the forms that have one, else `columns`.

    `columns` are as in COLUMNS; instants in microseconds since 1970, texts a list.
    """

    count: int
    text: str = ""
    columns: Sequence[array[Any] | list[str]] = ()


_RAW = _QUERIES["readings_in_order"].format(value=sql.SQL("r.value"), calibration=sql.SQL(""))
_CALIBRATED = _QUERIES["readings_in_order"].format(
    value=_QUERIES["calibrated_value"], calibration=_QUERIES["calibration_of_row"]
)
_ROWS = {
    Resolution.RAW: _RAW,
    Resolution.HOURLY: _QUERIES["bins_in_order"].format(rollup=sql.Identifier("hourly")),
    Resolution.DAILY: _QUERIES["bins_in_order"].format(rollup=sql.Identifier("daily")),
}

# A text that a spreadsheet would take for a formula is given behind an apostrophe.
_CELL = r"""'"' || replace(CASE WHEN text ~ '^[=+@\t\r-]' THEN '''' ELSE '' END || text,
    '"', '""') || '"'"""
# In ISO's form whatever the session's zone; three times as quick as to_char.
_AT = "replace((at AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z'"
_BIN_ROW = "n, mean, low, high, last"
# What goes between the brackets; json_build_array would take twice as long.
_JSON = {
    "string": "to_json(text), to_json(text)",
    "bool": "(value <> 0)::text, (raw <> 0)::text",
    "int": "value, raw",
    "float": "value, raw",
}


def _lines(cells: str, end: str) -> sql.SQL:
    """An aggregate of lines; both parts are constants of this module."""
    return sql.SQL(f"string_agg({cells}, {end} ORDER BY at, row_id)")


def _columns(resolution: Resolution, form: Form, kind: str) -> sql.Composable:
    text, raw = kind == "string", resolution is Resolution.RAW
    if form is Form.PACKED:
        return _packed(resolution, text=text)
    if form is Form.JSON:
        cells = _JSON[kind] if raw else _BIN_ROW
        places = ",%%s" * (cells.count(", ") + 1)
        return _lines(f"format('[\"%%s\"{places}]', {_AT}, {cells})", "','")
    if text:
        cells = f"concat(%(name)s::text, ',', {_AT}, ',', {_CELL}, ',')"
    else:
        cells = f"concat_ws(',', %(name)s::text, {_AT}, {'value, raw' if raw else _BIN_ROW})"
    return _lines(cells, r"E'\n'")


def _packed(resolution: Resolution, *, text: bool) -> sql.Composable:
    numbers = ["int8send((date_part('epoch', at) * 1000000)::int8)"]
    if resolution is Resolution.RAW:
        numbers += [] if text else ["float8send(value)", "float8send(raw)"]
    else:
        numbers += ["int8send(n::int8)"]
        numbers += [f"float8send({name})" for name in ("mean", "low", "high", "last")]
    parts: list[sql.Composable] = [_lines(number, "''::bytea") for number in numbers]
    if text:
        parts.append(sql.SQL("array_agg(text ORDER BY at, row_id)"))
    return sql.SQL(", ").join(parts)


class PointRepository:
    """The points of one tenant's series."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def find(
        self, keys: Sequence[SeriesKey], as_of: datetime | None = None
    ) -> list[StoredSeries]:
        """The series of these keys, in their order. Raises ForeignRowError naming one there is not.

        With `as_of`, their readings are calibrated as it was known at that instant.
        """
        async with self._database.transaction() as conn:
            return [await _find(conn, key, as_of) for key in keys]

    async def count(
        self,
        series: Sequence[StoredSeries],
        span: Span,
        most: int,
        resolution: Resolution = Resolution.RAW,
    ) -> int:
        """How many points there are; no more than `most` + 1 are counted."""
        counted = 0
        query = _COUNT[resolution]
        async with self._database.transaction() as conn:
            for one in series:
                facts = _facts(one, span.over(resolution)) | {"most": most + 1 - counted}
                row = await (await conn.execute(query, facts)).fetchone()
                counted += row[0] if row else 0
                if counted > most:
                    break
        return counted

    async def pieces(
        self,
        series: StoredSeries,
        span: Span,
        resolution: Resolution,
        form: Form,
        size: int = _SIZE,
    ) -> AsyncIterator[Piece]:
        """A series' points in order. A series of texts has readings only, no bins.

        JSON: `[at, ...],[at, ...]`; CSV: lines without the last line's end, each with the series'
        name before.
        """
        rows = _ROWS[resolution]
        if resolution is Resolution.RAW and series.calibration:
            rows = _CALIBRATED
        query = _QUERIES["piece_of_points"].format(
            rows=rows, columns=_columns(resolution, form, series.kind)
        )
        facts = _facts(series, span.over(resolution)) | {
            "row": "(0,0)",
            "size": size,
            "calibration": Jsonb(series.calibration),
            "name": series.key.full_name,
        }
        while True:
            async with self._database.transaction(pipelined=True) as conn:
                row = await (await conn.execute(query, facts)).fetchone()
            count, last, number, *columns = row or (0, None, None)
            if count:
                yield _piece(count, columns, form, resolution)
            if count < size:
                return
            facts |= {"since": last, "row": number}


def _piece(count: int, columns: Sequence[Any], form: Form, resolution: Resolution) -> Piece:
    if form is not Form.PACKED:
        return Piece(count, text=columns[0])
    # Instants and numbers of readings are whole, all else has a point.
    codes = "qdd" if resolution is Resolution.RAW else "qqdddd"
    return Piece(
        count,
        columns=[
            column if isinstance(column, list) else _unpacked(column, code)
            for column, code in zip(columns, codes, strict=False)
        ],
    )


def _unpacked(column: bytes, code: str) -> array[Any]:
    """Numbers of eight bytes, as the network sends them."""
    numbers: array[Any] = array(code)
    numbers.frombytes(column)
    numbers.byteswap()
    return numbers


async def _find(conn: Connection, key: SeriesKey, as_of: datetime | None) -> StoredSeries:
    facts = {
        "device": key.device,
        "service": key.service,
        "index": key.index,
        "characteristic": key.characteristic,
        "as_of": as_of,
    }
    row = await (await conn.execute(_QUERIES["series_with_calibration"], facts)).fetchone()
    if row is None:
        raise ForeignRowError(f"no series {key.full_name}")
    return StoredSeries(row[0], key, row[1], row[2])


def _facts(series: StoredSeries, span: Span) -> dict[str, Any]:
    return {"series": series.id, "since": span.since, "until": span.until}


_COUNT = {
    resolution: _QUERIES["count_points"].format(
        table=sql.Identifier("reading" if resolution is Resolution.RAW else resolution.value),
        column=sql.Identifier("at" if resolution is Resolution.RAW else "start"),
    )
    for resolution in Resolution
}
