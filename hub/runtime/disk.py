"""How much room there is on the disk that the hub writes to."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

__all__ = ["DiskRoom", "room", "told"]

_MIB = 1 << 20
# Postgres asks for 16 MiB of its log at once; below twice that its next commit may be its last.
_FULL = 32 * _MIB
# So that there is time to do something: some days of a house's readings.
_LOW = 256 * _MIB


class DiskRoom(StrEnum):
    """Whether what comes can be written."""

    OK = "ok"
    LOW = "low"
    FULL = "full"


def room(folder: Path) -> DiskRoom:
    """How the disk with that folder is; one that cannot be asked is full."""
    free = _free(folder)
    if free < _FULL:
        return DiskRoom.FULL
    return DiskRoom.LOW if free < _LOW else DiskRoom.OK


def told(folder: Path) -> str:
    """What is free, for a person, and what to do."""
    return f"{_free(folder) / _MIB:.0f} MiB are free for {folder}: make room on that disk"


def _free(folder: Path) -> int:
    """Bytes that others than root may write; of inodes at least one."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return 0
    # Some file systems have no number of inodes.
    return disk.f_bavail * disk.f_frsize if disk.f_favail or not disk.f_files else 0
