"""The whole database as one file, and back, checked row by row on the way."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hub.database.database import Connection
from hub.database.errors import BackupError
from hub.database.postgres import DATABASE, OWNER, Postgres

__all__ = ["Contents", "backup", "restore", "verify"]

Contents = dict[str, list[int]]
"""Each table's number of rows and a sum of their hashes."""

_FIRST_LINE = "-- dormouse "


async def backup(postgres: Postgres, target: Path) -> Contents:
    """Write a gzipped SQL script of all tenants (mode 0600) and check it by restoring it.

    It goes to a scratch database, which must hold the same rows as the snapshot that was dumped.
    Raises BackupError; the target is then left as it was.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        async with _admin(postgres, DATABASE) as conn, conn.transaction():
            await conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            row = await (await conn.execute("SELECT pg_export_snapshot()")).fetchone()
            contents = await _contents(conn)
            await _dump(postgres, str(row[0]) if row else "", contents, partial)
        restored = await verify(postgres, partial)
        if restored != contents:
            raise BackupError(target, _difference(contents, restored))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return contents


async def verify(postgres: Postgres, source: Path) -> Contents:
    """Restore a backup into a scratch database, compare, drop it. Raises BackupError."""
    async with _restored(postgres, source) as (scratch, contents):
        await _drop(postgres, scratch)
        return contents


async def restore(postgres: Postgres, source: Path) -> tuple[Contents, str]:
    """Put a backup in the database's place once it is restored and checked beside it.

    The database that was is kept under another name, which is returned. Nobody else may be
    connected. Raises BackupError; nothing has changed then.
    """
    async with _restored(postgres, source) as (scratch, contents):
        former = f"{DATABASE}_{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        async with _admin(postgres, "postgres") as conn:
            for old, new in ((DATABASE, former), (scratch, DATABASE)):
                try:
                    await conn.execute(
                        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                            sql.Identifier(old), sql.Identifier(new)
                        )
                    )
                except psycopg.errors.ObjectInUse:
                    raise BackupError(source, "the database is in use: stop the hub") from None
        return contents, former


@asynccontextmanager
async def _admin(postgres: Postgres, database: str) -> AsyncIterator[Connection]:
    url = make_conninfo(postgres.admin_url, dbname=database)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        yield conn


@asynccontextmanager
async def _restored(postgres: Postgres, source: Path) -> AsyncIterator[tuple[str, Contents]]:
    promised = await asyncio.to_thread(_promised, source)
    scratch = f"{DATABASE}_scratch_{os.getpid()}"
    async with _admin(postgres, "postgres") as conn:
        await conn.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(
                sql.Identifier(scratch), sql.Identifier(OWNER)
            )
        )
    try:
        await _load(postgres, scratch, source)
        async with _admin(postgres, scratch) as conn:
            restored = await _contents(conn)
        if restored != promised:
            raise BackupError(source, _difference(promised, restored))
        yield scratch, restored
    finally:
        await _drop(postgres, scratch)


async def _drop(postgres: Postgres, database: str) -> None:
    async with _admin(postgres, "postgres") as conn:
        await conn.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
        )


async def _contents(conn: Connection) -> Contents:
    rows = await (
        await conn.execute(
            """SELECT relname FROM pg_class WHERE relnamespace = 'dormouse'::regnamespace
               AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname"""
        )
    ).fetchall()
    contents: Contents = {}
    for (table,) in rows:
        query = sql.SQL(
            "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text "
            "FROM dormouse.{} AS t"
        ).format(sql.Identifier(table))
        row: Any = await (await conn.execute(query)).fetchone()
        contents[table] = [row[0], int(row[1])]
    return contents


async def _dump(postgres: Postgres, snapshot: str, contents: Contents, target: Path) -> None:
    await asyncio.to_thread(_fresh, target)
    child = await _program(
        postgres,
        "pg_dump",
        DATABASE,
        "--schema=dormouse",
        "--extension=btree_gist",
        f"--snapshot={snapshot}",
    )
    with gzip.open(target, "wb", compresslevel=6) as packed:
        packed.write(f"{_FIRST_LINE}{json.dumps(contents)}\n".encode())
        if child.stdout is not None:
            while piece := await child.stdout.read(1 << 18):
                await asyncio.to_thread(packed.write, piece)
    await _finish(child, target)
    await asyncio.to_thread(_to_disk, target)


def _fresh(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)


def _to_disk(file: Path) -> None:
    with file.open("rb") as written:
        os.fsync(written.fileno())


def _promised(source: Path) -> Contents:
    try:
        with gzip.open(source, "rt", encoding="utf-8") as packed:
            first = packed.readline()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise BackupError(source, str(error)) from None
    if not first.startswith(_FIRST_LINE):
        raise BackupError(source, "no backup of Dormouse's")
    contents: Contents = json.loads(first.removeprefix(_FIRST_LINE))
    return contents


async def _load(postgres: Postgres, database: str, source: Path) -> None:
    child = await _program(
        postgres, "psql", database, "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-o", os.devnull
    )
    if child.stdin is not None:
        try:
            with gzip.open(source, "rb") as packed:
                while piece := await asyncio.to_thread(packed.read, 1 << 18):
                    child.stdin.write(piece)
                    await child.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            pass  # psql gave up: its own words say why
        except (EOFError, OSError) as error:
            child.kill()
            await child.wait()
            raise BackupError(source, str(error)) from None
        child.stdin.close()
    await _finish(child, source)


async def _program(
    postgres: Postgres, name: str, database: str, *args: str
) -> asyncio.subprocess.Process:
    facts = conninfo_to_dict(make_conninfo(postgres.admin_url, dbname=database))
    return await asyncio.create_subprocess_exec(
        str(postgres.programs / name),
        *args,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # In the environment, which only our user reads, and not among the arguments.
        env={
            "PATH": os.defpath,
            "PGHOST": str(facts["host"]),
            "PGUSER": str(facts["user"]),
            "PGPASSWORD": str(facts["password"]),
            "PGDATABASE": database,
            "PGOPTIONS": "-c client_min_messages=warning",
        },
    )


async def _finish(child: asyncio.subprocess.Process, file: Path) -> None:
    error = await child.stderr.read() if child.stderr is not None else b""
    if await child.wait():
        lines = error.decode("utf-8", "replace").strip().splitlines() or ["failed"]
        raise BackupError(file, lines[0])


def _difference(saved: Contents, restored: Contents) -> str:
    for table in sorted({*saved, *restored}):
        if saved.get(table) != restored.get(table):
            return (
                f"{table} has {restored.get(table, [0])[0]} rows after restoring, not the same "
                f"{saved.get(table, [0])[0]} that were backed up"
            )
    return "nothing differs"
