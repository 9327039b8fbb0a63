"""What is asked of an import, what a file says, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from contracts.reading import SeriesKey, Value
from hub.errors import HubError

__all__ = [
    "DateOrder",
    "FileFormat",
    "HistoryImport",
    "ImportOptions",
    "ImportReport",
    "NameReport",
    "RefusedLine",
    "RepeatedHour",
    "Sample",
    "StampUnit",
    "Target",
    "UnreadableFileError",
]


class UnreadableFileError(HubError):
    """The file is none that can be imported."""

    http_status = 422
    exit_status = 2


class FileFormat(StrEnum):
    """How a file is written. `csv` is Home Assistant's and our own export as well."""

    AUTO = "auto"
    CSV = "csv"
    INFLUX_ANNOTATED = "influx-annotated"
    INFLUX_CSV = "influx-csv"
    LINE_PROTOCOL = "line-protocol"


class RepeatedHour(StrEnum):
    """What a local time without an offset is that comes twice."""

    REFUSE = "refuse"
    FIRST = "first"
    SECOND = "second"


class DateOrder(StrEnum):
    """What 03/04/2026 is; `iso`: refused, since nobody can tell."""

    ISO = "iso"
    DAY_FIRST = "dmy"
    MONTH_FIRST = "mdy"


class StampUnit(StrEnum):
    """What a time that is a number counts, since 1970; `auto`: by how large it is."""

    AUTO = "auto"
    SECONDS = "s"
    MILLISECONDS = "ms"
    MICROSECONDS = "us"
    NANOSECONDS = "ns"


class Sample(NamedTuple):
    """A value as the file has it, under its own name; `unit` is empty where it names none."""

    line: int
    name: str
    at: str
    value: str
    unit: str = ""


class RefusedLine(NamedTuple):
    """A line of the file that is not imported, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Target:
    """What a name of the file is here; `unit` says what its values are in, else the file does."""

    key: SeriesKey
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is read, of what was measured since <= t < until alone (None: all).

    `names` says what its names are here; `zone` is that of times without an offset.
    """

    zone: ZoneInfo
    form: FileFormat = FileFormat.AUTO
    names: Mapping[str, Target] = field(default_factory=dict)
    repeated_hour: RepeatedHour = RepeatedHour.REFUSE
    dates: DateOrder = DateOrder.ISO
    stamps: StampUnit = StampUnit.AUTO
    since: datetime | None = None
    until: datetime | None = None


@dataclass(slots=True)
class NameReport:
    """What a file has of one name.

    `series` is what it is here, None: nothing, so none of it is imported; `hint` is what it could
    be, `problem` why it cannot be what was said. `unit` is what its values were taken to be in.
    Of its `rows` so many were (or would be) `stored`; `there` already, with the same value; with
    an`other` one, which stays; `gone`: of hours that are kept as means alone; `refused`; `empty`:
    no value (unavailable, unknown); `outside` of the span that was asked for. `overlap`: of those
    stored, how many lie between the first and the last reading that were here before. `repeated`:
    local times that come twice, of which one was chosen. `low` and `high` are in our unit.
    """

    name: str
    series: str | None = None
    hint: str = ""
    problem: str = ""
    new: bool = False
    unit: str = ""
    rows: int = 0
    stored: int = 0
    there: int = 0
    other: int = 0
    gone: int = 0
    refused: int = 0
    empty: int = 0
    outside: int = 0
    overlap: int = 0
    repeated: int = 0
    first: datetime | None = None
    last: datetime | None = None
    low: float | None = None
    high: float | None = None


@dataclass(slots=True)
class ImportReport:
    """What a file has, and what became (or would become) of it.

    `refused` are the first lines that were, `refused_lines` counts all of them.
    """

    form: FileFormat
    zone: str
    dry_run: bool
    lines: int = 0
    names: list[NameReport] = field(default_factory=list)
    refused: list[RefusedLine] = field(default_factory=list)
    refused_lines: int = 0
    number: int | None = None

    @property
    def stored(self) -> int:
        """Readings that were stored, or would be."""
        return sum(one.stored for one in self.names)


class ImportedRow(NamedTuple):
    """A value of a series of ours; `name` counts the file's names."""

    name: int
    line: int
    at: datetime
    value: Value


@dataclass(frozen=True, slots=True)
class HistoryImport:
    """An import as the trail has it; `finished_at` None: under way, or broken off: see `error`."""

    id: int
    source: str
    form: str
    who: str
    at: datetime
    lines: int
    stored: int
    there: int
    refused: int
    error: str
    finished_at: datetime | None
