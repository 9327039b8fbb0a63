"""A folder with what a driver is part of, for whom has no source tree."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from host.errors import FileWriteError
from host.newdriver.make import TreeError
from host.sources import INSTALLED, Sources

__all__ = ["copied"]

_NOT_COPIED = shutil.ignore_patterns("__pycache__", "mypy.ini", ".*")


@contextmanager
def copied(folder: Path) -> Iterator[Path]:
    """A copy of this release's sources, laid out as the tree; at its end it becomes `folder`.

    Nothing is at `folder` when the context ends with an error. Raises TreeError when something is
    there already, FileWriteError.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TreeError(f"{folder}: neither empty nor Dormouse's sources: name another folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".dormouse-", dir=folder.parent) as name:
            draft = Path(name) / "sources"
            _copy(INSTALLED, Sources.at(draft))
            yield draft
            draft.rename(folder)
    except OSError as error:
        raise FileWriteError(f"{folder}: cannot be written: {error.strerror}") from None


def _copy(origin: Sources, copy: Sources) -> None:
    for source, target in ((origin.firmware, copy.firmware), (origin.shims, copy.shims)):
        shutil.copytree(source, target, ignore=_NOT_COPIED)
    for source, target in ((origin.boards, copy.boards), (origin.drivers, copy.drivers)):
        target.parent.mkdir(parents=True)
        shutil.copyfile(source, target)
    copy.programs.mkdir(parents=True)
