"""The hub's data folder: made, private, and used by one hub at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from hub.errors import HubError

__all__ = [
    "FolderInUseError",
    "ForeignFolderError",
    "NoFileError",
    "UnusableFileError",
    "data_folder",
    "is_of_files",
    "write_private",
]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_TOO_MANY = frozenset({errno.EMFILE, errno.ENFILE})
_OF_DISKS = _FULL | _TOO_MANY | {errno.EIO, errno.EROFS}


def is_of_files(error: OSError) -> bool:
    """Whether it came of a file or a disk, not of a connection or a time that ran out."""
    return error.filename is not None or error.errno in _OF_DISKS


class UnusableFileError(HubError):
    """A file of the data folder cannot be read or written, or its disk is full."""

    def __init__(self, folder: Path, error: OSError) -> None:
        named = error.filename2 or error.filename
        where = named if isinstance(named, str | Path) else folder
        remedy = "mend who may use it"
        if where is named:
            remedy = f"move it away (what the hub needs it makes anew), or {remedy}"
        if error.errno in _FULL:
            remedy = "make room on that disk"
        elif error.errno in _TOO_MANY:
            remedy = "raise the limit of open files (LimitNOFILE of the service, ulimit -n)"
        super().__init__(f"{where}: {error.strerror or error}; {remedy}")


class FolderInUseError(HubError):
    """Another hub runs on the data folder."""

    exit_status = 4

    def __init__(self, folder: Path, pid: str) -> None:
        super().__init__(
            f"{folder}: another hub (pid {pid or 'unknown'}) runs on this folder; end it first, "
            "or choose another with --data-dir"
        )


class NoFileError(HubError):
    """A pipe or a device stands where a file belongs: opening one waits for ever."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: a pipe or a device, not a file; move it away (what the hub needs it makes "
            "anew)"
        )


class ForeignFolderError(HubError):
    """Root would leave files in a folder of another user, who could not use them any more."""

    def __init__(self, folder: Path, user: str) -> None:
        super().__init__(
            f"{folder} belongs to user {user}: run this as that user, "
            f"`sudo -u {user} dormouse ... --data-dir {folder}`"
        )


@contextlib.contextmanager
def data_folder(folder: Path) -> Iterator[Path]:
    """Make the folder if need be and hold it; raises HubError where that fails.

    Mode 0700; as root 0711, since Postgres and the broker then run as another user in folders of
    their own below it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = folder.stat().st_uid
        if os.geteuid() == 0 and owner != 0:
            raise ForeignFolderError(folder, _name(owner))
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        _refuse_pipes(folder)
        lock = (folder / "hub.lock").open("a+", encoding="ascii", errors="replace")
        # Who may open it could hold it, and no hub would start.
        os.fchmod(lock.fileno(), 0o600)
    except OSError as error:
        raise UnusableFileError(folder, error) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise FolderInUseError(folder, lock.read().strip()) from None
        # A full disk keeps nobody from holding it: then nobody reads who does.
        with contextlib.suppress(OSError):
            os.ftruncate(lock.fileno(), 0)
            os.write(lock.fileno(), f"{os.getpid()}\n".encode())
        yield folder


def _refuse_pipes(folder: Path) -> None:
    """Raises NoFileError for what nobody can open and go on; Postgres looks after its own."""
    # The deepest of ours are postgres/secrets/*.
    for path in (path for levels in ("*", "*/*", "*/*/*") for path in folder.glob(levels)):
        with contextlib.suppress(FileNotFoundError):  # a link to nothing, or gone meanwhile
            mode = path.stat().st_mode
            if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
                raise NoFileError(path)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


def write_private(path: Path, text: str) -> None:
    """Write a file whole and mode 0600: a reader sees the old one or the new one."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)
