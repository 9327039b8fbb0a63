"""What a backup holds besides the database: small private files of the hub's data folder."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

__all__ = ["KEPT_FILE", "LONGEST_FILE", "gather_files", "put_files", "sync_folder"]

KEPT_FILE = r"^(authority/ca\.(crt|key)|web/secret)$"
"""Their names below the data folder: what signed the broker's certificate, and the cookies' key.

Not those of this machine's Postgres, which makes its own, nor keys of backups: who holds a backup
is not to be able to make or read others.
"""
LONGEST_FILE = 1 << 16  # bytes; those that there are have 2,000
_FOLDERS = ("authority", "web")


def gather_files(data_dir: Path) -> dict[str, bytes]:
    """Those that there are, by name. Raises OSError for one that cannot be read."""
    found = {}
    for folder in _FOLDERS:
        for path in sorted((data_dir / folder).glob("*")):
            name = f"{folder}/{path.name}"
            if re.fullmatch(KEPT_FILE, name) and path.is_file() and not path.is_symlink():
                found[name] = path.read_bytes()[:LONGEST_FILE]
    return found


def put_files(data_dir: Path, files: Mapping[str, bytes], aside: str) -> list[Path]:
    """Put files in their places, each folder's together; where different ones were put aside.

    What stood there is kept as `<folder>.<aside>`. They belong to whom the data folder belongs.
    """
    moved = []
    for folder in _FOLDERS:
        wanted = {
            name.partition("/")[2]: content
            for name, content in files.items()
            if name.startswith(f"{folder}/")
        }
        target = data_dir / folder
        if not wanted or all(_holds(target / name, what) for name, what in wanted.items()):
            continue
        fresh = data_dir / f".{folder}.restored"
        shutil.rmtree(fresh, ignore_errors=True)
        if target.is_dir():
            shutil.copytree(target, fresh, symlinks=True)
        else:
            fresh.mkdir(mode=0o700)
        for name, content in wanted.items():
            _write(fresh / name, content)
        _give(fresh, data_dir)
        if target.exists():
            kept = data_dir / f"{folder}.{aside}"
            target.rename(kept)
            moved.append(kept)
        fresh.rename(target)
        sync_folder(data_dir)
    return moved


def sync_folder(folder: Path) -> None:
    """Have the disk know what was renamed in a folder; where it can."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Some network file systems have no such thing.
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    mode = 0o644 if path.suffix == ".crt" else 0o600
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _give(folder: Path, data_dir: Path) -> None:
    """A command of root's leaves no files that the hub's own user cannot read."""
    if os.geteuid() == 0:
        owner = data_dir.stat()
        for path in (folder, *folder.iterdir()):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
