"""What the rows of a table are, by its header: Home Assistant's, InfluxDB's, ours, anybody's. Pure.

A table has a row a value (with a name in it, or without), or a column a series.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from hub.imports.influx import influx_name
from hub.imports.model import FileFormat, RefusedLine, Sample, UnreadableFileError
from hub.mapping.units import unit_of

__all__ = ["TableReader"]

_Row = Callable[[int, list[str]], Iterator[Sample]]

# What columns are called, the first that there is. Our own exports come first: what was measured
# is imported, and calibrated when it is read.
_TIMES = ("at", "_time", "last_changed", "last_updated", "time", "timestamp", "datetime",
          "date_time", "date time", "ts", "start", "date", "zeit", "datum")  # fmt: skip
_NAMES = ("series", "entity_id", "statistic_id", "name", "sensor", "device", "metric", "topic")
_VALUES = ("raw", "state", "_value", "value", "reading", "mean", "wert")
_UNITS = ("unit", "unit_of_measurement", "einheit")
_UNIT_IN_NAME = re.compile(r".*[\[(]([^\])]{1,12})[\])]\s*", re.DOTALL)
# Columns of InfluxDB's that are neither tags nor fields.
_INFLUX_OWN = frozenset({"", "result", "table", "_start", "_stop", "_time", "time", "name", "tags"})
_FIELD_TYPES = frozenset({"double", "long", "unsignedLong", "boolean"})
_NUMBER = re.compile(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?|true|false")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")


class TableReader:
    """Reads rows under their headers. Raises UnreadableFileError for a header that tells nothing.

    `form` is what the file was found to be, once a header was read.
    """

    def __init__(self, form: FileFormat) -> None:
        self.form = form
        self._row: _Row | None = None
        self._types: list[str] = []
        self._defaults: list[str] = []
        self._header: list[str] = []
        self.decimal_comma = False

    def read(self, records: Iterable[tuple[int, list[str]]]) -> Iterator[Sample | RefusedLine]:
        """What rows say."""
        for line, row in records:
            if not any(row):
                if self.form is FileFormat.INFLUX_ANNOTATED:
                    self._row = None  # the next table has a header of its own
                continue
            if row[0].startswith("#"):
                self._annotation(row)
            elif self._row is None:
                self._begin(line, row)
            elif row != self._header:  # files that were put one behind the other
                yield from self._samples(line, row)

    def _annotation(self, row: list[str]) -> None:
        if self.form is FileFormat.AUTO:
            self.form = FileFormat.INFLUX_ANNOTATED
        if row[0] in {"#datatype", "#default"}:
            self._row = None
            kept = [row[0].partition(" ")[2], *row[1:]]
            if row[0] == "#datatype":
                self._types = kept
            else:
                self._defaults = kept

    def _begin(self, line: int, header: list[str]) -> None:
        names = [cell.strip() for cell in header]
        self._header = header
        if self.form is FileFormat.AUTO:
            self.form = _form_of(names)
        if self.form is FileFormat.INFLUX_ANNOTATED:
            self._row = self._annotated(names)
        elif self.form is FileFormat.INFLUX_CSV:
            self._row = self._of_influx(names)
        else:
            self._row = self._of_columns(line, names)

    def _samples(self, line: int, row: list[str]) -> Iterator[Sample | RefusedLine]:
        if len(row) != len(self._header):
            given, due = len(row), len(self._header)
            yield RefusedLine(line, f"has {given} cells where the header has {due}")
        elif self._row is not None:
            yield from self._row(line, row)

    def _annotated(self, header: list[str]) -> _Row:
        time = _index(header, ("_time", "time"))
        if time is None:
            raise UnreadableFileError("an annotated CSV of InfluxDB's needs a column _time")
        types = dict(enumerate(self._types))
        defaults = dict(enumerate(self._defaults))
        if "_value" in header and "_field" in header:
            fields = [(header.index("_value"), "")]
        else:
            fields = [
                (n, name) for n, name in enumerate(header)
                if name not in _INFLUX_OWN and types.get(n) in _FIELD_TYPES
            ]  # fmt: skip
        tags = [
            (n, name) for n, name in enumerate(header)
            if name not in _INFLUX_OWN and not name.startswith("_")
            and types.get(n, "string") == "string"
        ]  # fmt: skip
        measurement, field = _index(header, ("_measurement",)), _index(header, ("_field",))

        def samples(line: int, row: list[str]) -> Iterator[Sample]:
            def cell(n: int | None) -> str:
                return "" if n is None else row[n] or defaults.get(n, "")

            has = {name: cell(n) for n, name in tags}
            for n, name in fields:
                told = name or cell(field)
                full, unit = influx_name(cell(measurement), has, told)
                yield Sample(line, full, row[time], row[n], unit)

        return samples

    @staticmethod
    def _of_influx(header: list[str]) -> _Row:
        time, measurement = header.index("time"), header.index("name")
        tagged = _index(header, ("tags",))
        others = [(n, name) for n, name in enumerate(header) if name not in _INFLUX_OWN]

        def samples(line: int, row: list[str]) -> Iterator[Sample]:
            tags = {}
            if tagged is not None:
                pairs = (part.partition("=") for part in row[tagged].split(",") if "=" in part)
                tags = {name: value for name, _, value in pairs}
            # It does not say which are tags: those that are texts.
            numbers = [(n, name) for n, name in others if _NUMBER.fullmatch(row[n])]
            texts = [(n, name) for n, name in others if row[n] and (n, name) not in numbers]
            tags |= {name: row[n] for n, name in texts if not name.endswith("_str")}
            for n, name in numbers:
                full, unit = influx_name(row[measurement], tags, name)
                yield Sample(line, full, row[time], row[n], unit)

        return samples

    def _of_columns(self, line: int, header: list[str]) -> _Row:
        folded = [name.casefold() for name in header]
        time, name, unit = (_index(folded, known) for known in (_TIMES, _NAMES, _UNITS))
        if time is None:
            shown = ", ".join(header)[:100]
            raise UnreadableFileError(
                f"line {line} is to be a header with a column for the time (at, time, timestamp, "
                f"last_changed, ...); it has: {shown}"
            )
        clock = folded.index("time") if folded[time] == "date" and "time" in folded else None
        value = _index(folded, _VALUES)
        if name is not None and value is None:
            raise UnreadableFileError(
                f"line {line}, the header, has no column for the value (value, state, raw)"
            )
        taken = {time, name, unit, clock}
        if name is not None and value is not None:
            # Home Assistant has what a thermostat measures in columns of their own.
            more = [n for n in range(len(header)) if n not in {*taken, value}]
            extras = more if folded[:2] == ["entity_id", "state"] else []
            columns = [(value, ""), *((n, header[n]) for n in extras)]
        elif value is not None and len(header) == len([n for n in taken if n is not None]) + 1:
            columns = [(value, header[value])]
        else:
            columns = [(n, header[n]) for n in range(len(header)) if n not in taken]
        units = {n: _unit_in(header[n]) for n, _ in columns}

        def samples(line: int, row: list[str]) -> Iterator[Sample]:
            at = row[time] if clock is None else f"{row[time]} {row[clock]}"
            own = "" if name is None else self._undefused(row[name])
            for n, column in columns:
                text = row[n].strip()
                if column and own and not text:
                    continue
                called = f"{own}.{column}" if own and column else own or column
                if self.decimal_comma and _DECIMAL_COMMA.fullmatch(text):
                    text = text.replace(",", ".")
                yield Sample(line, called, at, text, row[unit] if unit is not None else units[n])

        return samples

    @staticmethod
    def _undefused(text: str) -> str:
        """A name without the apostrophe that our exports put before what looks like a formula."""
        return text.removeprefix("'")


def _form_of(header: Sequence[str]) -> FileFormat:
    if "_time" in header and ("_value" in header or "_measurement" in header):
        return FileFormat.INFLUX_ANNOTATED
    return FileFormat.INFLUX_CSV if list(header[:2]) == ["name", "time"] or list(
        header[:3]) == ["name", "tags", "time"] else FileFormat.CSV  # fmt: skip


def _index(header: Sequence[str], known: Iterable[str]) -> int | None:
    return next((header.index(name) for name in known if name in header), None)


def _unit_in(name: str) -> str:
    """The unit that a column's name has in brackets: `Temperature [°F]`."""
    found = _UNIT_IN_NAME.fullmatch(name)
    return found[1] if found is not None and unit_of(found[1]) else ""
