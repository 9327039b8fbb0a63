"""Bring a database to this version's schema, with a way back: a backup first, which is said."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from contracts.resources import release
from hub.database.errors import BackupError, UpgradeHeldError
from hub.database.migrate import head, migrate
from hub.database.postgres import Postgres
from hub.database.schema_release import (
    SchemaRelease,
    read_release,
    record_release,
    refuse_newer,
)
from hub.runtime.log_events import EVENTS

__all__ = ["FOLDER", "UpgradeBackup", "brought_up", "is_brought_up", "upgrade_backups"]

log = logging.getLogger(__name__)

FOLDER = "upgrade-backups"
"""In the data folder: what the hub keeps of before its upgrades."""

_NAME = re.compile(r"schema-([0-9]{4})_([0-9]{8}T[0-9]{6}Z)\.backup")
_STAMP = "%Y%m%dT%H%M%SZ"
# Whose name the database does not know: none before it wrote it down.
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class UpgradeBackup:
    """A backup from before an upgrade: its schema, and when it was made."""

    file: Path
    revision: str
    made: datetime

    @classmethod
    def new(cls, folder: Path, revision: str) -> UpgradeBackup:
        """One to be made now."""
        made = datetime.now(UTC)
        return cls(folder / f"schema-{revision}_{made:{_STAMP}}.backup", revision, made)


def upgrade_backups(folder: Path) -> list[UpgradeBackup]:
    """Those in a folder, the newest first."""
    found = [(file, _NAME.fullmatch(file.name)) for file in folder.glob("*.backup")]
    return sorted(
        (
            UpgradeBackup(file, name[1], datetime.strptime(name[2], _STAMP).replace(tzinfo=UTC))
            for file, name in found
            if name
        ),
        key=lambda one: one.made,
        reverse=True,
    )


async def brought_up(owner_url: str, postgres: Postgres | None, folder: Path, *, keep: int) -> None:
    """Run the steps that are missing; first make a backup in `folder`, of which `keep` stay.

    None is made of a database that has no schema yet, of somebody else's Postgres (None), and with
    `keep` 0. One that was made before an upgrade which was interrupted stays the way back. Raises
    SchemaNewerError, UpgradeHeldError, MigrationError.
    """
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        found = await read_release(conn)
    refuse_newer(found, release())
    if found.revision not in {None, head()}:
        if found.ran is None and found.revision is not None:
            # After an interruption it says with what the upgrade began.
            await record_release(owner_url, _UNKNOWN, found.revision)
        await _back_up(found, postgres, folder, keep)
        log.warning("upgrading the database from schema %s to %s", found.revision, head())
    elif found.revision is None:
        log.info("making the database's tables")
    await migrate(owner_url)
    if (found.release, found.ran, found.revision) != (release(), head(), head()):
        await record_release(owner_url, release(), head())
    if found.revision not in {None, head()}:
        EVENTS.database_upgraded.log(from_schema=found.revision, schema=head(), version=release())


async def is_brought_up(owner_url: str) -> bool:
    """Whether no step is missing. Raises SchemaNewerError."""
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        found = await read_release(conn)
    refuse_newer(found, release())
    return found.revision == head()


async def _back_up(
    found: SchemaRelease, postgres: Postgres | None, folder: Path, keep: int
) -> None:
    from hub.database.backup import backup  # noqa: PLC0415  # most starts need none

    if postgres is None:
        log.warning(
            "no backup is made before this upgrade: the Postgres of DORMOUSE_DATABASE_URL is "
            "backed up with pg_dump"
        )
        return
    if not keep:
        log.warning("no backup is made before this upgrade, as --upgrade-backups 0 says")
        return
    before = [one for one in upgrade_backups(folder) if one.revision == found.ran]
    if found.interrupted and before:
        log.warning("an upgrade was interrupted: the way back is %s", before[0].file)
        return
    assert found.revision is not None  # noqa: S101  # there is one where steps are missing
    new = UpgradeBackup.new(folder, found.revision)
    log.warning("a backup of the database is made before its upgrade: %s", new.file)
    try:
        await asyncio.to_thread(_prepare, folder)
        contents = await backup(postgres, new.file)
        await asyncio.to_thread(_settle, folder, keep)
    except BackupError as error:
        raise UpgradeHeldError(found.revision, error.reason) from None
    except OSError as error:
        raise UpgradeHeldError(found.revision, f"{folder}: {error.strerror}") from None
    log.warning("%s: %s rows, checked", new.file, sum(rows for rows, _ in contents.values()))


def _prepare(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    # Of a hub that was killed while it wrote them.
    for partial in folder.glob(".*.partial"):
        partial.unlink()


def _settle(folder: Path, keep: int) -> None:
    """The new file's name reaches the disk before the first step; those beyond `keep` go."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    for one in upgrade_backups(folder)[keep:]:
        one.file.unlink()
