"""Files written whole or not at all, and read with one clear line when that fails."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from host.errors import EmptyFileError, FileReadError, FileWriteError

__all__ = ["make_folder", "read", "write"]


def read(path: Path) -> bytes:
    """The file's bytes. Raises FileReadError or EmptyFileError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileReadError(f"{path}: cannot be read: {error.strerror}") from None
    if not data:
        raise EmptyFileError(f"{path}: the file is empty")
    return data


def make_folder(path: Path) -> None:
    """Make a folder and those above it where they are missing. Raises FileWriteError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileWriteError(f"{path}: no folder can be made there: {error.strerror}") from None


def write(path: Path, data: bytes, *, mode: int = 0o644, replace: bool = True) -> None:
    """Put `data` at `path`, whole or not at all, on the disk when this returns.

    `replace` False: FileExistsError is raised when something is there already. When it cannot be
    written (disk full, no permission) FileWriteError is raised and nothing is left behind.
    """
    draft = None
    try:
        # mkstemp makes it 0600: a secret is at no moment readable by others.
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        draft = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)
        if replace:
            draft.replace(path)
        else:
            path.hardlink_to(draft)  # unlike a rename it fails when the name is taken
    except FileExistsError:
        raise
    except OSError as error:
        raise FileWriteError(
            f"{path}: cannot be written: {error.strerror}; nothing changed"
        ) from None
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)
