"""A backup by its name, from where the hub's settings say that they are."""

from __future__ import annotations

import shutil
from pathlib import Path

from hub.backups.configured import target_of
from hub.backups.errors import NoSuchBackupError
from hub.backups.model import BackupName
from hub.backups.target import names_in
from hub.settings import Settings

__all__ = ["fetch"]

_LATEST = "latest"


async def fetch(settings: Settings, hub: str, named: str, file: Path, *, foreign: bool) -> None:
    """Bring it: `latest` is the newest of this hub's, and with `foreign` of the latest hub's.

    Raises NoSuchBackupError, TargetError.
    """
    target, folder = target_of(settings, hub, ""), settings.data_dir / "backups"
    names = names_in(folder) if target is None else await target.names()
    name = _chosen(names, hub, named, foreign=foreign)
    if name is None:
        raise NoSuchBackupError(named, str(folder) if target is None else target.where)
    if target is None:
        shutil.copyfile(folder / str(name), file)
    else:
        await target.fetch(name, file)


def _chosen(names: list[BackupName], hub: str, named: str, *, foreign: bool) -> BackupName | None:
    if named != _LATEST:
        return next((one for one in names if str(one) == named), None)
    ours = [one for one in names if one.hub == hub]
    if ours or not foreign:
        return max(ours, default=None)
    # A machine of a new hub has none yet: of the hub that made one last.
    last = max(names, key=lambda one: one.at, default=None)
    return max((one for one in names if last and one.hub == last.hub), default=None)
