"""Backups in a repository of restic's, which encrypts them by itself."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hub.backups.encryption import fresh_file
from hub.backups.errors import TargetError
from hub.backups.model import BackupName
from hub.backups.program import BackupProgram

__all__ = ["ResticTarget"]

_TAG = "dormouse"


class ResticTarget:
    """A repository that `restic init` made; its password comes from RESTIC_PASSWORD_FILE and such.

    The repository is named in the environment too: an address may hold a password.
    """

    def __init__(self, repository: str) -> None:
        self._repository = repository
        self._restic = BackupProgram(
            "restic", {"RESTIC_REPOSITORY": repository} if repository else {}
        )

    @property
    def where(self) -> str:
        """Without an address's user and password."""
        head, at, tail = self._repository.rpartition("@")
        scheme = head.partition("://")[0] + "://" if "://" in head else head.partition(":")[0] + ":"
        return f"restic:{scheme}{tail}" if at else f"restic:{self._repository}"

    async def names(self) -> list[BackupName]:
        """Those of which there is a snapshot."""
        return list(await self._snapshots())

    async def put(self, file: Path, name: BackupName) -> None:
        """As a snapshot, which is there whole or not at all."""
        # Locks of one that was killed; those of others that are alive stay.
        await self._restic.run("unlock")
        await self._restic.run(
            "backup", "--quiet", "--stdin", "--stdin-filename", str(name),
            "--tag", f"{_TAG},{_TAG}-{name.hub}", "--host", f"{_TAG}-{name.hub}",
            given=file,
        )  # fmt: skip

    async def fetch(self, name: BackupName, file: Path) -> None:
        """Dumped."""
        snapshots = (await self._snapshots()).get(name)
        if not snapshots:
            raise TargetError(f"{self.where} has no {name}")
        with fresh_file(file) as taken:
            await self._restic.run("dump", snapshots[-1], f"/{name}", output=taken)
            os.fsync(taken.fileno())

    async def remove(self, names: Sequence[BackupName]) -> None:
        """Forgotten, and what only they held is removed."""
        known = await self._snapshots()
        ids = [one for name in names for one in known.get(name, [])]
        if ids:
            await self._restic.run("forget", "--quiet", "--prune", *ids)

    async def _snapshots(self) -> dict[BackupName, list[str]]:
        said = await self._restic.run("snapshots", "--json", "--no-lock", "--tag", _TAG)
        found: dict[BackupName, list[str]] = {}
        try:
            listed: list[dict[str, Any]] = json.loads(said or b"[]") or []
            for snapshot in listed:
                name = BackupName.parse(str(snapshot["paths"][0]).removeprefix("/"))
                if name is not None:
                    found.setdefault(name, []).append(str(snapshot["id"]))
        except (ValueError, KeyError, TypeError, IndexError):
            raise TargetError(f"{self.where}: restic's list cannot be read") from None
        return found
