"""The answer to any query as a file: CSV, Parquet or an Arrow stream, a piece at a time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from hub.database.database import TenantDatabase
from hub.readings.answers import Columns, pieces

__all__ = ["ExportFormat", "export"]

_INSTANT = pa.timestamp("us", tz="UTC")
# What Postgres calls a column's type; every other one is exported as its text.
_TYPES = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "timestamptz": _INSTANT,
    "date": pa.date32(),
}


class ExportFormat(StrEnum):
    """Kinds of files."""

    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"


async def export(
    database: TenantDatabase, query: str, target: IO[bytes], form: ExportFormat
) -> int:
    """Write what the query answers within the tenant; the number of rows.

    The transaction is read only. Raises QueryError for a query that fails.
    """
    write = {ExportFormat.CSV: _csv, ExportFormat.PARQUET: _parquet, ExportFormat.ARROW: _arrow}[
        form
    ](target)
    rows = 0
    async for columns, piece in pieces(database, query):
        write(_schema(columns), piece)
        rows += len(piece)
    write(None, [])
    return rows


_Write = Callable[[pa.Schema | None, Sequence[Sequence[Any]]], None]


def _schema(columns: Columns) -> pa.Schema:
    return pa.schema([(name, _TYPES.get(kind, pa.string())) for name, kind in columns])


def _csv(target: IO[bytes]) -> _Write:
    text = io.TextIOWrapper(target, "utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    started = False

    def write(schema: pa.Schema | None, piece: Sequence[Sequence[Any]]) -> None:
        nonlocal started
        if schema is None:
            text.detach()
            return
        if not started:
            writer.writerow(schema.names)
            started = True
        writer.writerows([[_cell(value) for value in row] for row in piece])

    return write


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value.isoformat() if hasattr(value, "isoformat") else value


def _table(schema: pa.Schema, piece: Sequence[Sequence[Any]]) -> pa.Table:
    columns = list(zip(*piece, strict=True)) if piece else [()] * len(schema)
    arrays = [
        pa.array(
            [_cell(v) if v is None or isinstance(v, dict | list) else str(v) for v in column]
            if field.type == pa.string()
            else column,
            field.type,
        )
        for field, column in zip(schema, columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _parquet(target: IO[bytes]) -> _Write:
    return _pieced(lambda schema: pq.ParquetWriter(target, schema))


def _arrow(target: IO[bytes]) -> _Write:
    return _pieced(lambda schema: pa.ipc.new_stream(target, schema))


def _pieced(make: Callable[[pa.Schema], Any]) -> _Write:
    writer: Any = None

    def write(schema: pa.Schema | None, piece: Sequence[Sequence[Any]]) -> None:
        nonlocal writer
        if schema is None:
            writer.close()
            return
        writer = writer or make(schema)
        writer.write_table(_table(schema, piece))

    return write
