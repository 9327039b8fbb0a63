"""The whole database as one file, and back, checked row by row on the way.

With it go the files that the hub cannot do without (kept_files), of the folder that Postgres' own
lies in.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from hub.database import roles
from hub.database.backup_file import BackupReader, BackupWriter
from hub.database.database import Connection
from hub.database.errors import BackupError, MigrationError
from hub.database.kept_files import gather_files, put_files, sync_folder
from hub.database.migrate import head, migrate, steps
from hub.database.postgres import DATABASE, OWNER, SCRATCH, Postgres
from hub.database.queries import Queries
from hub.database.table_copy import Contents, TableMismatchError, dump, load

__all__ = ["Contents", "backup", "restore", "verify"]

T = TypeVar("T")

_QUERIES = Queries.of("hub.database")
# Rows as text become at most twice that in tables and indexes.
_GROWTH = 2


async def backup(postgres: Postgres, target: Path, *, tried: bool = True) -> Contents:
    """Write all tenants to a file (mode 0600, see backup_file) and check it.

    It is read again, and where it is `tried` restored to a scratch database, which must hold the
    same rows as the snapshot that was dumped. Raises BackupError; the target is as it was then.
    """
    fresh = target.with_name(f".{target.name}.partial")
    try:
        with _failures(target):
            async with _alone(postgres, target):
                if tried:
                    await _refuse_full(postgres, target)
                files = gather_files(postgres.folder.parent)
                with BackupWriter(fresh, postgres.backup_key) as writer:
                    url = make_conninfo(postgres.admin_url, dbname=DATABASE)
                    contents = await _in_thread(url, lambda conn: dump(conn, writer, files))
                if tried:
                    async with _restored(postgres, fresh):
                        pass
                else:
                    await asyncio.to_thread(_read_again, fresh, postgres.backup_key)
                fresh.replace(target)
                sync_folder(target.parent)
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink()
    return contents


async def verify(postgres: Postgres, source: Path, *, foreign: bool = False) -> Contents:
    """Restore a backup into a scratch database, compare, drop it. Raises BackupError.

    ForeignBackupError for one of another hub's unless `foreign`.
    """
    with _failures(source):
        async with (
            _alone(postgres, source),
            _restored(postgres, source, foreign=foreign) as (_, contents),
        ):
            with BackupReader(source, postgres.backup_key, foreign=foreign) as reader:
                reader.files()
            return contents


async def restore(
    postgres: Postgres, source: Path, *, foreign: bool = False
) -> tuple[Contents, str]:
    """Put a backup in the database's place once it is restored and checked beside it.

    The database that was is kept under another name, which is returned, and files beside it that
    differ as `<folder>.<that name>`. Nobody else may be connected. Raises BackupError; nothing has
    changed then. One that is killed at its very end may have put back the files alone: again.
    """
    former = f"{DATABASE}_{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    with _failures(source):
        async with (
            _alone(postgres, source) as conn,
            _restored(postgres, source, foreign=foreign) as (scratch, contents),
        ):
            with BackupReader(source, postgres.backup_key, foreign=foreign) as reader:
                files = reader.files()
            try:
                async with conn.transaction():
                    for old, new in ((DATABASE, former), (scratch, DATABASE)):
                        await conn.execute(
                            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                                sql.Identifier(old), sql.Identifier(new)
                            )
                        )
                    put_files(postgres.folder.parent, files, former)
            except psycopg.errors.ObjectInUse:
                raise BackupError(source, "the database is in use: stop the hub") from None
            return contents, former


@contextlib.contextmanager
def _failures(file: Path) -> Iterator[None]:
    """What may fail on the way, as a BackupError of one line."""
    try:
        yield
    except TableMismatchError as error:
        raise BackupError(file, str(error)) from None
    except psycopg.errors.DiskFull:
        raise BackupError(file, "Postgres' disk is full: make room there, and try again") from None
    except (psycopg.Error, MigrationError) as error:
        raise BackupError(file, (str(error) or type(error).__name__).splitlines()[0]) from None
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            reason = "the disk is full: make room, or choose another folder for the file"
        raise BackupError(file, reason) from None


@asynccontextmanager
async def _alone(postgres: Postgres, file: Path) -> AsyncIterator[Connection]:
    """A superuser's connection while nobody else makes or restores a backup."""
    url = make_conninfo(postgres.admin_url, dbname="postgres")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        if await (await conn.execute(_QUERIES["lock_backups"])).fetchone() != (True,):
            raise BackupError(file, "another backup is being made or restored: wait for it")
        await roles.drop_databases(conn, SCRATCH)
        yield conn


async def _refuse_full(postgres: Postgres, target: Path) -> None:
    url = make_conninfo(postgres.admin_url, dbname=DATABASE)
    async with await psycopg.AsyncConnection.connect(url) as conn:
        row = await (await conn.execute(_QUERIES["database_size"], [DATABASE])).fetchone()
    _refuse_without_room(postgres, target, row[0] if row else 0)


def _refuse_without_room(postgres: Postgres, file: Path, needed: int) -> None:
    free = shutil.disk_usage(postgres.folder).free
    if free < needed:
        raise BackupError(
            file,
            f"checking it takes about {needed >> 20} MB at {postgres.folder}, where "
            f"{free >> 20} MB are free: make room there",
        )


@asynccontextmanager
async def _restored(
    postgres: Postgres, source: Path, *, foreign: bool = False
) -> AsyncIterator[tuple[str, Contents]]:
    """A scratch database with what is in the file, which no superuser has touched.

    Its schema comes from this package's steps, up to the revision of the backup; the next start of
    the hub does the later ones.
    """
    with BackupReader(source, postgres.backup_key, foreign=foreign) as reader:
        _refuse_other_revision(source, reader.manifest.revision)
        _refuse_without_room(postgres, source, reader.manifest.size * _GROWTH)
        scratch = f"{SCRATCH}{datetime.now(UTC):%Y%m%d%H%M%S}"
        owner_url = make_conninfo(postgres.owner_url, dbname=scratch)
        admin_url = make_conninfo(postgres.admin_url, dbname="postgres")
        async with await psycopg.AsyncConnection.connect(admin_url, autocommit=True) as conn:
            try:
                await roles.ensure_database(conn, scratch, OWNER)
                await migrate(owner_url, reader.manifest.revision)
                yield scratch, await _in_thread(owner_url, lambda conn: load(conn, reader))
            finally:
                await roles.drop_databases(conn, SCRATCH)


def _read_again(file: Path, key: bytes) -> None:
    with BackupReader(file, key) as reader:
        reader.check()


def _refuse_other_revision(source: Path, revision: str) -> None:
    if revision > head():
        raise BackupError(source, f"a newer version made it (schema {revision}): update first")
    if revision not in steps():
        raise BackupError(source, f"there is no schema {revision}")


async def _in_thread(url: str, work: Callable[[psycopg.Connection], T]) -> T:
    """What `work` returns; a thread, since each row costs a call. Cancelling ends its query."""
    conn = await asyncio.to_thread(partial(psycopg.connect, url, autocommit=True))
    task = asyncio.create_task(asyncio.to_thread(work, conn))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        conn.cancel()
        await asyncio.wait([task])
        raise
    finally:
        conn.close()
