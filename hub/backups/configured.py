"""Target and key of a hub's backups, as its settings name them."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from hub.backups.encryption import AgeKey
from hub.backups.rclone import RcloneTarget
from hub.backups.restic import ResticTarget
from hub.backups.target import BackupTarget, FolderTarget
from hub.settings import Settings

__all__ = ["age_key", "hub_name", "target_of"]


def hub_name(signing_key: bytes) -> str:
    """8 hex digits in the names of a hub's backups: several may have one target."""
    return hmac.new(signing_key, b"whose backups", hashlib.sha256).hexdigest()[:8]


def age_key(settings: Settings) -> AgeKey:
    """The key that backups are encrypted with: BACKUP_KEY, or one in the data folder."""
    named = settings.backup_key
    return AgeKey(Path(named) if named else settings.data_dir / "secrets" / "backup.age")


def target_of(settings: Settings, hub: str, used: str) -> BackupTarget | None:
    """What BACKUP_TO names; None for the data folder. `used` is where backups went before."""
    kind, _, rest = settings.backup_to.partition(":")
    if kind == "rclone":
        return RcloneTarget(rest)
    if kind == "restic":
        return ResticTarget(rest)
    if settings.backup_to in {"", "none"}:
        return None
    folder = Path(settings.backup_to)
    return FolderTarget(folder, hub, known=used == str(folder))
