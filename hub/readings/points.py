"""What series did over any span, a piece at a time: for the API, for files, for charts.

Nothing here holds a connection or a transaction between two pieces, so a slow reader of a long
answer costs the database nothing. What is stored while an answer is made may be in it or not.
"""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any, Literal
from zoneinfo import ZoneInfo

from psycopg import sql
from psycopg.types.json import Jsonb

from contracts.reading import SeriesKey
from contracts.zones import OffsetRun, is_utc, offset_runs, offset_text
from hub.calibration.scale import ScaleChange, scale_changes, spans_of
from hub.database.database import Connection, TenantDatabase
from hub.database.errors import ForeignRowError
from hub.database.queries import Queries
from hub.readings.csv_dialect import FORMULA, PLAIN, CsvDialect, defused

__all__ = [
    "COLUMNS",
    "CsvForm",
    "Form",
    "Piece",
    "PointRepository",
    "Resolution",
    "Span",
    "StoredSeries",
    "columns_of",
    "offset_facts",
    "piece_of",
]

_QUERIES = Queries.of("hub.readings")

_UTC = ZoneInfo("UTC")
_SIZE = 5000  # rows a piece: 300 KB of text, 10 ms of the database


class Resolution(StrEnum):
    """Every reading, or what a series did in each hour or day of a zone."""

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


@dataclass(frozen=True, slots=True)
class CsvForm:
    """How CSV lines are written.

    `texts`: with a column `text` behind the others; `marks`: with an empty cell behind all.
    """

    dialect: CsvDialect = PLAIN
    texts: bool = False
    marks: bool = False

    @property
    def behind(self) -> list[str]:
        """The columns behind those of the resolution."""
        return ["text"] * self.texts + ["mark"] * self.marks


_OF_BINS = (
    "start", "n", "mean", "low", "high", "last", "plain_mean", "seconds", "increase", "states",
)  # fmt: skip
COLUMNS: dict[Resolution, tuple[str, ...]] = {
    Resolution.RAW: ("at", "value", "raw"),
    Resolution.HOURLY: _OF_BINS,
    Resolution.DAILY: _OF_BINS,
}
"""The columns of a point: `value` is calibrated, `raw` as measured, bins are of calibrated.

`mean` weights values by the time for which they held, the `seconds` that are known of the bin;
`plain_mean` is that of the `n` readings. `increase` is by how much a counter rose, `states` the
seconds spent in each state, an object as JSON text; null (NaN, packed) where there is none.
"""


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """A series with its number; `kind` is bool, int, float or string.

    `calibration` lists what holds when: objects with since, until, gain, offset. `within` are the
    times that count, in order (when its device was in a place); None: all.
    """

    id: int
    key: SeriesKey
    kind: Literal["bool", "int", "float", "string"]
    calibration: list[dict[str, Any]] = field(default_factory=list)
    within: tuple[Span, ...] | None = None

    def scale_changes(self, span: Span) -> list[ScaleChange]:
        """Where within a span it came to be on another scale."""
        return scale_changes(spans_of(self.calibration), span.since, span.until)

    def parts(self, span: Span) -> list[Span]:
        """Of a span the parts that count, in order."""
        return [part for part, _ in self.stays(span)]

    def stays(self, span: Span) -> list[tuple[Span, Span | None]]:
        """The same, each with the time that it is a part of; None: all counts."""
        if self.within is None:
            return [(span, None)]
        parts = (
            (Span(max(one.since, span.since), min(one.until, span.until)), one)
            for one in self.within
        )
        return [(part, stay) for part, stay in parts if part.since < part.until]


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

    `columns` are as in COLUMNS; instants in microseconds since 1970, texts a list. `mark` is
    what is to be said of the first point.
    """

    count: int
    text: str = ""
    columns: Sequence[array[Any] | list[str]] = ()
    mark: str = ""


_RAW = _QUERIES["readings_in_order"].format(value=sql.SQL("r.value"), calibration=sql.SQL(""))
_CALIBRATED = _QUERIES["readings_in_order"].format(
    value=_QUERIES["calibrated_value"], calibration=_QUERIES["calibration_of_row"]
)

# A text that a spreadsheet would take for a formula is given behind an apostrophe.
_CELL = rf"""'"' || replace(CASE WHEN text ~ '{FORMULA}' THEN '''' ELSE '' END || text,
    '"', '""') || '"'"""
# In ISO's form whatever the session's zone, always to the microsecond; twice as quick as to_char.
_TEXT = "replace(((at + {shift}) AT TIME ZONE 'UTC')::text, ' ', 'T')"
_AT = f"rpad({_TEXT} || CASE WHEN length({_TEXT}) = 19 THEN '.' ELSE '' END, 26, '0') || {{suffix}}"
_BIN_NUMBERS = ("mean", "low", "high", "last", "plain_mean", "seconds", "rise")
_NOTHING = "''"
_STATES = """'"' || replace(states, '"', '""') || '"'"""
# What goes between the brackets; json_build_array would take twice as long.
_JSON = {
    "string": "to_json(text), to_json(text)",
    "bool": "(value <> 0)::text, (raw <> 0)::text",
    "int": "value, raw",
    "float": "value, raw",
}


_ORDER = "at, nth, row_id"  # of readings; bins are in the order of `at`


def _lines(cells: str, end: str, order: str) -> sql.SQL:
    """An aggregate of lines; all parts are constants of this module."""
    return sql.SQL(f"string_agg({cells}, {end} ORDER BY {order})")


def columns_of(
    resolution: Resolution,
    form: Form,
    kind: str,
    name: str = "%(name)s::text",
    csv: CsvForm = CsvForm(),  # it is frozen
) -> sql.Composable:
    """What a piece's points are given as; `name` is SQL that names their series in CSV."""
    text, raw = kind == "string", resolution is Resolution.RAW
    order = _ORDER if raw else "at"
    at = _AT.format(shift="%(shift)s::interval", suffix="%(suffix)s::text") if raw else "label"
    if form is Form.PACKED:
        return _packed(resolution, text=text)
    if form is Form.JSON:
        if not raw:  # what follows the time is kept as text with the bins
            return _lines("""'["' || label || '",' || cells || ']'""", "','", order)
        cells = _JSON[kind].split(", ")
        places = ",%%s" * len(cells)
        return _lines(f"format('[\"%%s\"{places}]', {at}, {', '.join(cells)})", "','", order)
    return _lines(_csv_cells(name, at, csv, text=text, raw=raw), r"E'\n'", order)


def _csv_cells(name: str, at: str, csv: CsvForm, *, text: bool, raw: bool) -> str:
    """SQL of a line; all of it but `name` is of this package's constants."""
    separator = r"E'\t'" if csv.dialect.separator == "\t" else f"'{csv.dialect.separator}'"
    if text:
        # Numbers in the columns of numbers alone: a program takes each column for one kind.
        cells = [name, at, _NOTHING, _NOTHING, _CELL, *[_NOTHING] * csv.marks]
        return f"concat_ws({separator}, {', '.join(cells)})"
    numbers = ["value", "raw"] if raw else ["n", *_BIN_NUMBERS]
    if csv.dialect.decimal != ".":
        numbers = [f"replace({one}::text, '.', '{csv.dialect.decimal}')" for one in numbers]
    cells = [name, at, *numbers] if raw else [name, at, *map(_or_nothing, [*numbers, _STATES])]
    return f"concat_ws({separator}, {', '.join([*cells, *[_NOTHING] * len(csv.behind)])})"


def _or_nothing(cell: str) -> str:
    return f"coalesce(({cell})::text, {_NOTHING})"


def _packed(resolution: Resolution, *, text: bool) -> sql.Composable:
    numbers = ["int8send((date_part('epoch', at) * 1000000)::int8)"]
    if resolution is Resolution.RAW:
        numbers += [] if text else ["float8send(value)", "float8send(raw)"]
    else:
        numbers += ["int8send(n::int8)"]
        numbers += [f"float8send(coalesce({name}, 'NaN'))" for name in _BIN_NUMBERS]
    order = _ORDER if resolution is Resolution.RAW else "at"
    parts: list[sql.Composable] = [_lines(number, "''::bytea", order) for number in numbers]
    if resolution is not Resolution.RAW:
        parts.append(sql.SQL("array_agg(states ORDER BY at)"))
    elif text:
        parts.append(sql.SQL(f"array_agg(text ORDER BY {_ORDER})"))
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
            if as_of is None:
                return await _find_all(conn, keys)
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
            for one, part in ((each, part) for each in series for part in each.parts(span)):
                facts = _facts(one, part.over(resolution)) | {"most": most + 1 - counted}
                row = await (await conn.execute(query, facts)).fetchone()
                counted += row[0] if row else 0
                if counted > most:
                    break
        return counted

    async def pieces(  # noqa: PLR0917  # each says what is asked
        self,
        series: StoredSeries,
        span: Span,
        form: Form,
        size: int = _SIZE,
        csv: CsvForm = CsvForm(),  # it is frozen
        zone: ZoneInfo = _UTC,
    ) -> AsyncIterator[Piece]:
        """A series' readings in order, whenever they were; their times as the zone has them.

        JSON: `[at, ...],[at, ...]`; CSV: lines without the last line's end, each with the series'
        name before.
        """
        query = _QUERIES["piece_of_points"].format(
            reach=_QUERIES["reach_of_piece"],
            rows=_CALIBRATED if series.calibration else _RAW,
            columns=columns_of(Resolution.RAW, form, series.kind, csv=csv),
        )
        facts = {
            "series": series.id,
            "size": size,
            "calibration": Jsonb(series.calibration),
            "name": defused(series.key.full_name),
        }
        for run in offset_runs(zone, span.since, span.until):
            facts |= _facts(series, Span(run.since, run.until)) | offset_facts(run, zone)
            facts |= {"skip": 0}
            count = size
            while count == size:
                row = await self._database.row(query, facts)
                count, last, given, *columns = row or (0, None, 0)
                if count:
                    yield piece_of(count, columns, form, Resolution.RAW)
                # Of the last instant those that were given: others of it may be to come.
                skip = given + (facts["skip"] if last == facts["since"] else 0)
                facts |= {"since": last, "skip": skip}


def offset_facts(run: OffsetRun, zone: ZoneInfo) -> dict[str, Any]:
    """How times of a run are written: what is added to UTC, and the offset as ISO 8601 has it.

    UTC's is Z, every other zone's in numbers all year, London's in winter too.
    """
    suffix = "Z" if is_utc(zone) else offset_text(run.since.astimezone(timezone(run.offset)))
    return {"shift": run.offset, "suffix": suffix}


def piece_of(count: int, columns: Sequence[Any], form: Form, resolution: Resolution) -> Piece:
    """A piece of what the columns of `columns_of` hold."""
    if form is not Form.PACKED:
        return Piece(count, text=columns[0])
    # Instants and numbers of readings are whole, all else has a point.
    codes = "qdd" if resolution is Resolution.RAW else "qq" + "d" * 7 + "-"
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


async def _find_all(conn: Connection, keys: Sequence[SeriesKey]) -> list[StoredSeries]:
    columns = [
        [key.device for key in keys],
        [key.service for key in keys],
        [key.index for key in keys],
        [key.characteristic for key in keys],
    ]
    rows = await (await conn.execute(_QUERIES["series_with_calibrations"], columns)).fetchall()
    found = {n: StoredSeries(number, keys[n - 1], *rest) for n, number, *rest in rows}
    for n, key in enumerate(keys, 1):
        if n not in found:
            raise ForeignRowError(f"no series {key.full_name}")
    return [found[n] for n in range(1, len(keys) + 1)]


async def _find(conn: Connection, key: SeriesKey, as_of: datetime) -> StoredSeries:
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


_COUNT: dict[Resolution, sql.SQL | sql.Composed] = {
    Resolution.RAW: _QUERIES["count_readings"],
    Resolution.HOURLY: _QUERIES["count_bins"].format(rollup=sql.Identifier("hourly")),
    Resolution.DAILY: _QUERIES["count_bins"].format(rollup=sql.Identifier("daily")),
}
