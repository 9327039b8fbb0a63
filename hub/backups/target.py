"""Where backups are taken: a folder, or what rclone or restic reach."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from hub.backups.errors import TargetError
from hub.backups.model import BackupName
from hub.database.kept_files import sync_folder
from hub.runtime.disk import DiskRoom, room

__all__ = ["BackupTarget", "FolderTarget", "names_in", "sweep"]

T = TypeVar("T")

_PIECE = 1 << 22


class BackupTarget(Protocol):
    """A place for backups, of this hub and others. Each method raises TargetError."""

    @property
    def where(self) -> str:
        """For people: no secrets."""
        ...

    async def names(self) -> list[BackupName]:
        """Those that are whole there."""
        ...

    async def put(self, file: Path, name: BackupName) -> None:
        """Take a file there: afterwards it is there whole, whatever ended before."""
        ...

    async def fetch(self, name: BackupName, file: Path) -> None:
        """Bring it back as a file (mode 0600)."""
        ...

    async def remove(self, names: Sequence[BackupName]) -> None:
        """Those that have had their time."""
        ...


class FolderTarget:
    """A folder, of another disk or a network file system.

    One that was used before (`known`) has a mark of this hub's in it: without it the disk is not
    mounted, and nothing is written to what lies below.
    """

    def __init__(self, folder: Path, hub: str, *, known: bool) -> None:
        self._folder, self._hub = folder, hub
        self._known = known

    @property
    def where(self) -> str:
        """The folder."""
        return str(self._folder)

    async def names(self) -> list[BackupName]:
        """Those in the folder."""
        return await self._do(lambda: names_in(self._folder))

    async def put(self, file: Path, name: BackupName) -> None:
        """Copied beside, then renamed."""
        await self._do(lambda: self._put(file, name))

    async def fetch(self, name: BackupName, file: Path) -> None:
        """A copy."""
        await self._do(lambda: _copy(self._folder / str(name), file))

    async def remove(self, names: Sequence[BackupName]) -> None:
        """Unlink them."""
        await self._do(lambda: _unlink(self._folder, names))

    def _put(self, file: Path, name: BackupName) -> None:
        sweep(self._folder, self._hub)
        partial = self._folder / f".{name}.partial"
        try:
            _copy(file, partial)
            partial.replace(self._folder / str(name))
        finally:
            partial.unlink(missing_ok=True)
        self._mark.touch()
        sync_folder(self._folder)
        self._known = True

    @property
    def _mark(self) -> Path:
        return self._folder / f".dormouse-{self._hub}"

    async def _do(self, work: Callable[[], T]) -> T:
        def checked() -> T:
            if not self._folder.is_dir():
                raise TargetError(f"{self._folder}: there is no such folder (is a disk away?)")
            if self._known and not self._mark.exists():
                raise TargetError(
                    f"{self._folder}: this hub's backups are not there (is a disk not mounted?); "
                    f"if it is a new folder, make the file {self._mark}"
                )
            return work()

        try:
            return await asyncio.to_thread(checked)
        except OSError as error:
            raise TargetError(f"{self._folder}: {error.strerror or error}") from None


def names_in(folder: Path) -> list[BackupName]:
    """The backups that lie in a folder, of all hubs."""
    with contextlib.suppress(FileNotFoundError):
        found = (BackupName.parse(path.name) for path in folder.iterdir())
        return [name for name in found if name is not None]
    return []


def sweep(folder: Path, hub: str) -> None:
    """Remove what a hub that was killed left half written."""
    for path in folder.glob(".*.partial"):
        # What is encrypted afterwards has a second dot before its name.
        if path.name.lstrip(".").startswith((f"dormouse-{hub}-", "drill-")):
            path.unlink(missing_ok=True)


def _unlink(folder: Path, names: Sequence[BackupName]) -> None:
    for name in names:
        (folder / str(name)).unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    """As a new file, mode 0600, on the disk. Raises OSError, for a disk that it would fill too."""
    target.unlink(missing_ok=True)
    with (
        source.open("rb") as given,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as taken,
    ):
        while piece := given.read(_PIECE):
            if room(target.parent) is DiskRoom.FULL:
                target.unlink(missing_ok=True)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            taken.write(piece)
        taken.flush()
        os.fsync(taken.fileno())
