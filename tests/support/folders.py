"""Where databases and hubs of tests live: in memory, where there is enough of it.

Most of what a test's database costs is making and removing a thousand small files, which a file
system in memory does in a sixth of the time.
"""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ["base", "short_tmp"]

_MEMORY = "/dev/shm"
_ENOUGH = 4 << 30  # bytes: all of a run's at once take a tenth of it


@functools.cache
def base() -> str:
    """A folder for short-lived ones: short (unix sockets allow 107 bytes), open to all users."""
    try:
        noexec = os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC
        free = shutil.disk_usage(_MEMORY).free
    except OSError:
        return "/tmp"
    return "/tmp" if noexec or free < _ENOUGH or not os.access(_MEMORY, os.W_OK) else _MEMORY


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """A folder with a short path (unix sockets allow 107 bytes) that children as another user may
    enter."""
    folder = Path(tempfile.mkdtemp(prefix="dm", dir=base()))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
