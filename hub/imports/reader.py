"""A file in pieces, as rows of our series, with what is told of each of its names. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from contracts.homekit.values import BadValue
from hub.imports.influx import samples_of_line
from hub.imports.model import (
    FileFormat,
    ImportedRow,
    ImportOptions,
    ImportReport,
    NameReport,
    RefusedLine,
    Sample,
    Target,
    UnreadableFileError,
)
from hub.imports.records import CsvRecords, Lines
from hub.imports.stamps import BadStampError, Stamps
from hub.imports.tables import TableReader
from hub.imports.targets import Converter, own_name, suggested

__all__ = ["EARLIEST", "FileReader"]

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Each month that there are readings of is a table, which all tenants share: not thousands."""
_MOST_NAMES, _MOST_TOLD = 10_000, 200
_AHEAD = timedelta(hours=1)  # as much as readings may come from the future
_HEAD = 1 << 16  # bytes by which it is found out how a file is written


class FileReader:
    """Reads what a file says, however long it is; `report` is told as far as it was read.

    Raises UnreadableFileError where it is no file of this kind.
    """

    def __init__(self, options: ImportOptions, *, now: datetime, dry_run: bool) -> None:
        self._options = options
        self._latest = now + _AHEAD
        self._stamps = Stamps(
            options.zone, options.repeated_hour, options.dates, options.stamps
        )  # fmt: skip
        self._head: bytes | None = b""
        self._records: CsvRecords | None = None
        self._lines: Lines | None = None
        self._table = TableReader(options.form)
        self._numbers: dict[str, int] = {}
        self._converters: list[Converter | None] = []
        self.report = ImportReport(options.form, options.zone.key, dry_run)

    def key(self, name: int) -> Converter | None:
        """What is known of the name with this number."""
        return self._converters[name]

    def feed(self, chunk: bytes) -> list[ImportedRow]:
        """What a piece of the file says."""
        if self._head is not None:
            self._head += chunk
            if len(self._head) < _HEAD:
                return []
            chunk = self._begun()
        return list(self._rows(self._samples(chunk)))

    def finish(self) -> list[ImportedRow]:
        """What its end says."""
        rows = [] if self._head is None else list(self._rows(self._samples(self._begun())))
        rows += self._rows(self._last())
        if not self._numbers and not self.report.refused_lines:
            raise UnreadableFileError("there is no reading in it")
        self.report.form = self._table.form if self._records else FileFormat.LINE_PROTOCOL
        for one in self.report.names:
            if one.series is None and not one.problem:
                one.hint = suggested(one.name, one.unit)
        return rows

    def _begun(self) -> bytes:
        """Once enough is there to tell what it is."""
        head, self._head = self._head or b"", None
        if self._options.form is FileFormat.LINE_PROTOCOL or (
            self._options.form is FileFormat.AUTO and _is_line_protocol(head)
        ):
            self._lines = Lines(quoted=False)
        else:
            self._records = CsvRecords()
        return head

    def _samples(self, chunk: bytes) -> Iterator[Sample | RefusedLine]:
        if self._records is not None:
            yield from self._of_table(self._records.feed(chunk))
        elif self._lines is not None:
            yield from self._of_lines(*self._lines.feed(chunk))

    def _last(self) -> Iterator[Sample | RefusedLine]:
        if self._records is not None:
            yield from self._of_table(self._records.finish())
        elif self._lines is not None:
            yield from self._of_lines(*self._lines.finish())

    def _of_table(self, records: Iterable[tuple[int, list[str]]]) -> Iterator[Sample | RefusedLine]:
        # What separates cells otherwise is of a land that has a comma before decimals.
        for line, row in records:
            self.report.lines = line
            self._table.decimal_comma = self._records is not None and self._records.separator != ","
            yield from self._table.read([(line, row)])

    def _of_lines(self, first: int, text: str) -> Iterator[Sample | RefusedLine]:
        for number, line in enumerate(text.splitlines(), first):
            self.report.lines = number
            yield from samples_of_line(number, line)

    def _rows(self, samples: Iterable[Sample | RefusedLine]) -> Iterator[ImportedRow]:
        for sample in samples:
            if isinstance(sample, RefusedLine):
                self.refuse(sample.line, sample.reason)
                continue
            row = self._row(sample)
            if row is not None:
                yield row

    def _row(self, sample: Sample) -> ImportedRow | None:
        number = self._numbers.get(sample.name)
        if number is None:
            number = self._added(sample)
        told, converter = self.report.names[number], self._converters[number]
        told.rows += 1
        try:
            at = self._stamps.read(sample.at)
            told.repeated += self._stamps.repeated
            told.first = at if told.first is None or at < told.first else told.first
            told.last = at if told.last is None or at > told.last else told.last
            if not self._asked_for(at):
                told.outside += 1
                return None
            self._check_age(at)
            if converter is None or converter.problem:
                return None
            value = converter.value(sample.value)
        except (BadStampError, BadValue) as error:
            told.refused += 1
            self.refuse(sample.line, f"{sample.name[:100]}: {error}")
            return None
        if value is None:
            told.empty += 1
            return None
        if not isinstance(value, str):
            told.low = float(value) if told.low is None else min(told.low, float(value))
            told.high = float(value) if told.high is None else max(told.high, float(value))
        return ImportedRow(number, sample.line, at, value)

    def refuse(self, line: int, reason: str) -> None:
        """Tell that a line is not imported."""
        self.report.refused_lines += 1
        if len(self.report.refused) < _MOST_TOLD:
            self.report.refused.append(RefusedLine(line, reason))

    def _check_age(self, at: datetime) -> None:
        if not EARLIEST <= at <= self._latest:
            when = "before 2000" if at < EARLIEST else "in the future"
            raise BadStampError(f"{at:%Y-%m-%d %H:%M} is {when}")

    def _asked_for(self, at: datetime) -> bool:
        since, until = self._options.since, self._options.until
        return (since is None or at >= since) and (until is None or at < until)

    def _added(self, sample: Sample) -> int:
        if len(self._numbers) >= _MOST_NAMES:
            raise UnreadableFileError(
                f"line {sample.line}: there are more than {_MOST_NAMES} names in it; is "
                f"{sample.name[:60]!r} one?"
            )
        number = self._numbers[sample.name] = len(self._converters)
        target = self._options.names.get(sample.name)
        if target is None:
            own = own_name(sample.name)
            target = None if own is None else Target(own)
        told = NameReport(sample.name[:500], unit=sample.unit)
        converter = None
        if target is not None:
            converter = Converter(target, sample.unit)
            told.unit, told.problem = converter.unit, converter.problem
            if not converter.problem:
                told.series = converter.key.full_name
        self._converters.append(converter)
        self.report.names.append(told)
        return number


def _is_line_protocol(head: bytes) -> bool:
    """By its first line that says anything: a field, which no header has."""
    for line in head.decode("utf-8", "replace").splitlines():
        text = line.strip("\ufeff \t")
        if not text or (text.startswith("#") and not text.startswith(("#group", "#datatype",
                                                                      "#default"))):  # fmt: skip
            continue
        if text.startswith(("# DDL", "CREATE DATABASE")):
            return True
        return any(isinstance(one, Sample) for one in samples_of_line(1, text))
    return False
