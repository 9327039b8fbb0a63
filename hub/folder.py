"""The hub's data folder: made, private, and used by one hub at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from hub.errors import HubError

__all__ = ["FolderInUseError", "data_folder", "write_private"]


class FolderInUseError(HubError):
    """Another hub runs on the data folder."""

    exit_status = 4

    def __init__(self, folder: Path, pid: str) -> None:
        super().__init__(
            f"{folder}: another hub (pid {pid or 'unknown'}) runs on this folder; end it first, "
            "or choose another with --data-dir"
        )


@contextlib.contextmanager
def data_folder(folder: Path) -> Iterator[Path]:
    """Make the folder if need be and hold it; raises FolderInUseError or HubError.

    Mode 0700; as root 0711, since Postgres and the broker then run as another user in folders of
    their own below it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        lock = (folder / "hub.lock").open("a+", encoding="ascii")
    except OSError as error:
        raise HubError(f"DORMOUSE_DATA_DIR={folder}: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise FolderInUseError(folder, lock.read().strip()) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield folder


def write_private(path: Path, text: str) -> None:
    """Write a file whole and mode 0600: a reader sees the old one or the new one."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)
