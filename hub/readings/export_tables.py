"""The answer to any query as Parquet or an Arrow stream; needs pyarrow (the extra `export`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from hub.database.errors import QueryError
from hub.readings.answers import AnswerColumn
from hub.readings.export_rows import Write, text_of

__all__ = ["arrow", "parquet"]

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
        return pa.array([_each(value, text_of, within=of_list) for value in values], kind)
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


def parquet(target: IO[bytes]) -> Write:
    """Writes a Parquet file."""
    return _pieced(lambda schema: pq.ParquetWriter(target, schema))


def arrow(target: IO[bytes]) -> Write:
    """Writes an Arrow stream."""
    return _pieced(lambda schema: pa.ipc.new_stream(target, schema))


def _pieced(make: Callable[[pa.Schema], Any]) -> Write:
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
