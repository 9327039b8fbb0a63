"""Points as Parquet and Arrow, bytes at a time. Needs pyarrow (the extra `export`)."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hub.readings.points import COLUMNS, Piece, Resolution

__all__ = ["ArrowFile", "ParquetFile", "TableFile"]

_ROW_GROUP = 50_000  # rows: 3 MB of memory; larger ones compress no better here


_TYPES = {"n": pa.int64(), "states": pa.string()}


class TableFile(Protocol):
    """A file that is made of pieces; each step gives the bytes that are done."""

    def add(self, series: int, piece: Piece, kind: str) -> bytes:
        """Points of the series of that number."""

    def end(self) -> bytes:
        """The rest."""


class _Sink:
    """Takes what a writer writes until somebody fetches it."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def fetch(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


class _Table:
    """Columns: `series`, those of the resolution, then those `behind` them.

    That is `text` where there are readings that are texts, `mark` where there is any.
    """

    def __init__(
        self, names: Sequence[str], resolution: Resolution, zone: str, behind: Sequence[str]
    ) -> None:
        self._names = pa.array(names, pa.string())
        instant = pa.timestamp("us", tz=zone)
        fields = [("series", pa.dictionary(pa.int32(), pa.string()))]
        for name in COLUMNS[resolution]:
            kind = instant if name in {"at", "start"} else pa.float64()
            fields.append((name, _TYPES.get(name, kind)))
        fields += [(name, pa.string()) for name in behind]
        self.schema = pa.schema(fields)

    def batch(self, series: int, piece: Piece, kind: str) -> pa.RecordBatch:
        """The points of one series."""
        numbers = pa.array([series], pa.int32()).take(pa.array([0] * piece.count, pa.int32()))
        columns = [pa.DictionaryArray.from_arrays(numbers, self._names)]
        given = iter(piece.columns)
        for field in list(self.schema)[1:]:
            if field.name == "mark":
                marks = [piece.mark or None, *[None] * (piece.count - 1)]
                columns.append(pa.array(marks, field.type))
                continue
            missing = (field.name == "text") != (kind == "string") and field.name not in {
                "at",
                "start",
            }
            columns.append(
                pa.nulls(piece.count, field.type) if missing else _column(next(given), field.type)
            )
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def _column(values: array[Any] | list[str], kind: pa.DataType) -> pa.Array:
    if isinstance(values, list):
        return pa.array(values, kind)
    stored = pa.int64() if values.typecode == "q" else pa.float64()
    plain = pa.Array.from_buffers(stored, len(values), [None, pa.py_buffer(values)])
    if kind == stored:
        # What is nothing to ask of a bin came as no number.
        return (
            pc.if_else(pc.is_nan(plain), pa.scalar(None, kind), plain)
            if pa.types.is_floating(kind)
            else plain
        )
    return plain.cast(kind)


class ArrowFile:
    """An Arrow IPC stream, a record batch a piece."""

    def __init__(
        self, names: Sequence[str], resolution: Resolution, zone: str, behind: Sequence[str] = ()
    ) -> None:
        self._table = _Table(names, resolution, zone, behind)
        self._sink = _Sink()
        self._writer = pa.ipc.new_stream(pa.PythonFile(self._sink, mode="w"), self._table.schema)

    def add(self, series: int, piece: Piece, kind: str) -> bytes:
        """As TableFile has it."""
        self._writer.write_batch(self._table.batch(series, piece, kind))
        return self._sink.fetch()

    def end(self) -> bytes:
        """As TableFile has it."""
        self._writer.close()
        return self._sink.fetch()


class ParquetFile:
    """A Parquet file; row groups of some 50,000 points."""

    def __init__(
        self, names: Sequence[str], resolution: Resolution, zone: str, behind: Sequence[str] = ()
    ) -> None:
        self._table = _Table(names, resolution, zone, behind)
        self._sink = _Sink()
        self._writer = pq.ParquetWriter(
            pa.PythonFile(self._sink, mode="w"), self._table.schema, compression="snappy"
        )
        self._waiting: list[pa.RecordBatch] = []

    def add(self, series: int, piece: Piece, kind: str) -> bytes:
        """As TableFile has it."""
        self._waiting.append(self._table.batch(series, piece, kind))
        if sum(batch.num_rows for batch in self._waiting) >= _ROW_GROUP:
            self._write()
        return self._sink.fetch()

    def end(self) -> bytes:
        """As TableFile has it."""
        if self._waiting:
            self._write()
        self._writer.close()
        return self._sink.fetch()

    def _write(self) -> None:
        self._writer.write_table(pa.Table.from_batches(self._waiting, self._table.schema))
        self._waiting.clear()
