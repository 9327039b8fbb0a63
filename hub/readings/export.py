"""The answer to any query as a file: CSV, Parquet or an Arrow stream, a piece at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import IO, Any

from hub.database.database import TenantDatabase
from hub.readings import arrow
from hub.readings.answers import AnswerColumn, pieces
from hub.readings.csv_dialect import PLAIN, CsvDialect, defused
from hub.readings.export_rows import Write, text_of

__all__ = ["ExportFormat", "export"]


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
    query that fails or has a column that the format cannot hold, DialectError, NoArrowError.
    """
    dialect.validate()
    write = _writer(target, form, dialect)
    rows = 0
    async for columns, piece in pieces(database, query):
        write(columns, piece)
        rows += len(piece)
    write(None, [])
    return rows


def _writer(target: IO[bytes], form: ExportFormat, dialect: CsvDialect) -> Write:
    if form is ExportFormat.CSV:
        return _csv(target, dialect)
    arrow.require()
    from hub.readings import export_tables  # noqa: PLC0415  # the extra `export`

    make = export_tables.parquet if form is ExportFormat.PARQUET else export_tables.arrow
    return make(target)


def _csv(target: IO[bytes], dialect: CsvDialect) -> Write:
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
    return defused(text_of(value))
