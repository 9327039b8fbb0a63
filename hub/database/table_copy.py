"""All tables of the schema out of a database and into an empty one of the same schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from hub.database.backup_file import BackupManifest, BackupReader, BackupTable, BackupWriter
from hub.database.queries import Queries

__all__ = ["Contents", "TableMismatchError", "dump", "load"]

Connection = psycopg.Connection[TupleRow]
Contents = dict[str, list[int]]
"""Each table's number of rows and a sum of their hashes."""

_QUERIES = Queries.of("hub.database")
_PIECE = 1 << 18


class TableMismatchError(Exception):
    """Tables, columns or rows are not what the manifest says; the message says which."""


@dataclass(frozen=True, slots=True)
class _Table:
    columns: list[str]
    # Whether row-level security holds for its owner too.
    forced: bool


def dump(
    conn: Connection, writer: BackupWriter, files: Mapping[str, bytes] | None = None
) -> Contents:
    """Write all tables as of one snapshot, and the files, and finish; the tables' contents.

    `conn` sees all rows of all tenants; it is in autocommit mode.
    """
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        contents = _contents(conn)
        tables = {}
        for name, table in _tables(conn).items():
            statement = sql.SQL("COPY (SELECT {} FROM dormouse.{}) TO STDOUT").format(
                _names(table.columns), sql.Identifier(name)
            )
            size, digest = writer.add(name, _copied(conn, statement))
            rows, total = contents[name]
            tables[name] = BackupTable(
                columns=table.columns, rows=rows, total=total, size=size, sha256=digest
            )
        revision = conn.execute(_QUERIES["version"]).fetchone()
        writer.finish(
            BackupManifest(
                revision=str(revision[0]) if revision else "",
                tables=tables,
                months=[month for (month,) in conn.execute(_QUERIES["months_of_readings"])],
                sequences=dict(conn.execute(_QUERIES["last_numbers"]).fetchall()),
                files={name: writer.add_file(name, what) for name, what in (files or {}).items()},
            )
        )
    return contents


def load(conn: Connection, reader: BackupReader) -> Contents:
    """Put a backup's rows into a database of its revision, all or none; what is in it then.

    `conn` is the schema's owner, which is neither superuser nor BYPASSRLS. Raises
    TableMismatchError, and what `reader` raises.
    """
    manifest = reader.manifest
    with conn.transaction():
        present = _tables(conn)
        _refuse_other_columns(present, manifest)
        # What a step put there is in the backup as it was.
        every = sql.SQL(", ").join(sql.Identifier("dormouse", name) for name in present)
        conn.execute(sql.SQL("TRUNCATE {}").format(every))
        for name in present:
            # Triggers keep what is in the backup already: histories, rollups.
            _alter(conn, name, "NO FORCE ROW LEVEL SECURITY, DISABLE TRIGGER USER")
        for month in manifest.months:
            conn.execute(_QUERIES["partition_of_month"], [month])
        for name in _parents_first(conn, present):
            statement = sql.SQL("COPY dormouse.{} ({}) FROM STDIN").format(
                sql.Identifier(name), _names(manifest.tables[name].columns)
            )
            with conn.cursor().copy(statement) as copy:
                for piece in reader.rows(name):
                    copy.write(piece)
        for sequence, number in manifest.sequences.items():
            conn.execute(_QUERIES["set_last_number"], [f"dormouse.{sequence}", number])
        contents = _contents(conn)
        for name, table in present.items():
            forced = ", FORCE ROW LEVEL SECURITY" if table.forced else ""
            _alter(conn, name, f"ENABLE TRIGGER USER{forced}")
        _refuse_other_rows(contents, manifest)
    return contents


def _tables(conn: Connection) -> dict[str, _Table]:
    rows = conn.execute(_QUERIES["tables_to_back_up"]).fetchall()
    return {name: _Table(columns, forced) for name, columns, forced in rows}


def _contents(conn: Connection) -> Contents:
    contents: Contents = {}
    for name in _tables(conn):
        query = _QUERIES["rows_and_hash"].format(table=sql.Identifier("dormouse", name))
        row: Any = conn.execute(query).fetchone()
        contents[name] = [row[0], int(row[1])]
    return contents


def _copied(conn: Connection, statement: sql.Composed) -> Iterator[bytes]:
    """What a COPY writes, in pieces of many rows."""
    with conn.cursor().copy(statement) as copy:
        piece = bytearray()
        for row in copy:
            piece += row
            if len(piece) >= _PIECE:
                yield bytes(piece)
                piece.clear()
        yield bytes(piece)


def _parents_first(conn: Connection, names: Iterable[str]) -> Iterable[str]:
    order: TopologicalSorter[str] = TopologicalSorter({name: set() for name in names})
    for child, parent in conn.execute(_QUERIES["references"]):
        order.add(child, parent)
    return order.static_order()


def _alter(conn: Connection, name: str, what: LiteralString) -> None:
    conn.execute(sql.SQL("ALTER TABLE dormouse.{} {}").format(sql.Identifier(name), sql.SQL(what)))


def _names(columns: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _refuse_other_columns(present: dict[str, _Table], manifest: BackupManifest) -> None:
    for name in sorted({*present, *manifest.tables}):
        if name not in present or name not in manifest.tables:
            where = "the backup" if name in present else f"schema {manifest.revision}"
            raise TableMismatchError(f"{name} is missing in {where}")
        if present[name].columns != manifest.tables[name].columns:
            raise TableMismatchError(f"{name} has other columns than in schema {manifest.revision}")


def _refuse_other_rows(contents: Contents, manifest: BackupManifest) -> None:
    for name, (rows, total) in contents.items():
        saved = manifest.tables[name]
        if (rows, total) != (saved.rows, saved.total):
            raise TableMismatchError(
                f"{name} has {rows} rows after restoring, not the same {saved.rows} "
                "that were backed up"
            )
