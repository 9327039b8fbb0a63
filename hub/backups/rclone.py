"""Backups at what rclone reaches: SFTP, S3 and what else `rclone config` knows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from hub.backups.encryption import fresh_file
from hub.backups.errors import TargetError
from hub.backups.model import BackupName
from hub.backups.program import BackupProgram

__all__ = ["RcloneTarget"]

_NO_FOLDER = 3  # rclone's exit status: directory not found
_OPTIONS = (
    "--log-level",
    "ERROR",
    "--contimeout",
    "30s",
    "--retries",
    "2",
    "--low-level-retries",
    "3",
)


class RcloneTarget:
    """`remote:folder` of rclone's own configuration, which has the passwords."""

    def __init__(self, remote: str) -> None:
        self._remote = remote
        self._rclone = BackupProgram("rclone")

    @property
    def where(self) -> str:
        """As it was configured."""
        return f"rclone:{self._remote}"

    async def names(self) -> list[BackupName]:
        """Those that lie there."""
        found = (BackupName.parse(name) for name in await self._listed())
        return [name for name in found if name is not None]

    async def put(self, file: Path, name: BackupName) -> None:
        """Taken there under another name, compared in size, renamed; rclone compares hashes."""
        for stale in await self._listed():
            if stale.startswith(f".dormouse-{name.hub}-") and stale.endswith(".partial"):
                await self._run("deletefile", self._at(stale))
        partial = f".{name}.partial"
        await self._run("copyto", str(file), self._at(partial))
        size = (await self._listed()).get(partial)
        whole = await asyncio.to_thread(file.stat)
        if size not in {whole.st_size, -1}:
            raise TargetError(f"{self.where}: {name} has {size} bytes there: it is taken anew")
        await self._run("moveto", self._at(partial), self._at(str(name)))

    async def fetch(self, name: BackupName, file: Path) -> None:
        """Copied."""
        fresh_file(file).close()
        await self._run("copyto", self._at(str(name)), str(file))

    async def remove(self, names: Sequence[BackupName]) -> None:
        """One by one."""
        for name in names:
            await self._run("deletefile", self._at(str(name)))

    async def _listed(self) -> dict[str, int]:
        """Files there and their sizes; -1 where the store tells none."""
        said = await self._rclone.run(
            "lsjson", "--files-only", "--no-modtime", *_OPTIONS, self._remote, accept=[_NO_FOLDER]
        )
        try:
            return {one["Name"]: one["Size"] for one in json.loads(said or b"[]")}
        except (ValueError, KeyError, TypeError):
            raise TargetError(f"{self.where}: rclone's list cannot be read") from None

    def _at(self, name: str) -> str:
        separator = "" if self._remote.endswith((":", "/")) else "/"
        return f"{self._remote}{separator}{name}"

    async def _run(self, command: str, *arguments: str) -> None:
        await self._rclone.run(command, *_OPTIONS, *arguments)
