"""The answer to any query as a file: CSV, Parquet or an Arrow stream, a piece at a time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from hub.database.database import TenantDatabase
from hub.database.errors import QueryError
from hub.readings.answers import AnswerColumn, pieces
from hub.readings.csv_dialect import PLAIN, CsvDialect, defused

__all__ = ["ExportFormat", "export"]

_INSTANT = pa.timestamp("us", tz="UTC")
# What Postgres calls a column's type; every other one is exported as its text. A `numeric` has any
# number of digits, each row another: a double keeps 15 of them, and is a number for every program.
_TYPES = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "numeric": pa.float64(),
    "timestamptz": _INSTANT,
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
}


class ExportFormat(StrEnum):
    """Kinds of files."""

    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"


async def export(
    database: TenantDatabase,
    query: str,
    target: IO[bytes],
    form: ExportFormat,
    dialect: CsvDialect = PLAIN,
) -> int:
    """Write what the query answers within the tenant; the number of rows.

    The transaction is read only. Instants are in UTC, to the microsecond. Raises QueryError for a
    query that fails or has a column that the format cannot hold, DialectError.
    """
    dialect.validate()
    write = _writer(target, form, dialect)
    rows = 0
    async for columns, piece in pieces(database, query):
        write(columns, piece)
        rows += len(piece)
    write(None, [])
    return rows


_Write = Callable[[Sequence[AnswerColumn] | None, Sequence[Sequence[Any]]], None]


def _writer(target: IO[bytes], form: ExportFormat, dialect: CsvDialect) -> _Write:
    if form is ExportFormat.CSV:
        return _csv(target, dialect)
    if form is ExportFormat.PARQUET:
        return _pieced(lambda schema: pq.ParquetWriter(target, schema))
    return _pieced(lambda schema: pa.ipc.new_stream(target, schema))


def _csv(target: IO[bytes], dialect: CsvDialect) -> _Write:
    text = io.TextIOWrapper(target, "utf-8", newline="", write_through=True)
    writer = csv.writer(text, delimiter=dialect.separator)
    started = False

    def write(columns: Sequence[AnswerColumn] | None, piece: Sequence[Sequence[Any]]) -> None:
        nonlocal started
        if columns is None:
            text.detach()
            return
        if not started:
            text.write(dialect.mark.decode())
            writer.writerow([defused(column.name) for column in columns])
            started = True
        writer.writerows([[_cell(value, dialect) for value in row] for row in piece])

    return write


def _cell(value: Any, dialect: CsvDialect = PLAIN) -> Any:
    """A value as CSV has it: numbers as such, whatever else is text not to be taken for more."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return dialect.number(str(value))
    return defused(_text(value))


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=_text)
    if isinstance(value, datetime):
        # One form in a column, whatever the session's zone is and however round the time.
        if value.tzinfo is None:
            return value.isoformat(timespec="microseconds")
        utc = value.astimezone(UTC).replace(tzinfo=None)
        return f"{utc.isoformat(timespec='microseconds')}Z"
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


def _schema(columns: Sequence[AnswerColumn]) -> pa.Schema:
    fields = []
    for column in columns:
        kind = _TYPES.get(column.kind, pa.string())
        fields.append((column.name, pa.list_(kind) if column.array else kind))
    return pa.schema(fields)


def _table(
    columns: Sequence[AnswerColumn], schema: pa.Schema, piece: Sequence[Sequence[Any]]
) -> pa.Table:
    given = list(zip(*piece, strict=True)) if piece else [()] * len(schema)
    arrays = []
    for column, field, values in zip(columns, schema, given, strict=True):
        try:
            arrays.append(_array(values, field.type))
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, ValueError):
            what = f"arrays of {column.kind} in arrays" if column.array else f"a {column.kind}"
            raise QueryError(
                f"column {column.name!r} has {what} that {field.type} cannot hold: "
                "unnest it, cast it to text, or ask for CSV"
            ) from None
    return pa.Table.from_arrays(arrays, schema=schema)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    of_list = pa.types.is_list(kind)
    element = kind.value_type if of_list else kind
    if element == pa.string():
        return pa.array([_each(value, _text, within=of_list) for value in values], kind)
    if element == pa.float64():
        return pa.array([_each(value, float, within=of_list) for value in values], kind)
    return pa.array(values, kind)


def _each(value: Any, make: Callable[[Any], Any], *, within: bool) -> Any:
    """What `make` makes of a value, or of each that is in it; None stays."""
    if value is None:
        return None
    if not within:
        return value if isinstance(value, str) else make(value)
    if any(isinstance(one, list) for one in value):
        raise ValueError("a list in a list")
    return [_each(one, make, within=False) for one in value]


def _pieced(make: Callable[[pa.Schema], Any]) -> _Write:
    writer: Any = None
    schema: pa.Schema | None = None

    def write(columns: Sequence[AnswerColumn] | None, piece: Sequence[Sequence[Any]]) -> None:
        nonlocal writer, schema
        if columns is None:
            writer.close()
            return
        if schema is None:
            schema = _schema(columns)
            writer = make(schema)
        writer.write_table(_table(columns, schema, piece))

    return write
