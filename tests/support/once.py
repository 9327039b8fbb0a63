"""What a run of tests makes once, whichever of its processes is the first to need it.

All of it lies in one folder, which the run's first process makes and removes. It holds a lock for
as long as it lives: who works for the run in a process of its own ends when it gets that lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import folders

__all__ = ["ALIVE", "Once", "locked"]

ALIVE = "alive"
_FOLDER = pytest.StashKey[Path]()


class Once:
    """The run's folder: short, and open to the user who runs children."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, name: str, how: Callable[[Path], None]) -> Path:
        """What `how` makes at the path that it is given; made by the first who asks for `name`."""
        path = self.folder / name
        with locked(self.folder / f"{name}.lock"):
            if not path.exists():
                unfinished = self.folder / f"{name}.part"
                shutil.rmtree(unfinished, ignore_errors=True)
                how(unfinished)
                unfinished.rename(path)
        return path


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file's lock, waiting for it; it ends with the process as well."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def pytest_configure(config: pytest.Config) -> None:
    given = getattr(config, "workerinput", {}).get("once")
    if given is not None:
        config.stash[_FOLDER] = Path(given)
        return
    folder = Path(tempfile.mkdtemp(prefix="dm", dir=folders.base()))
    folder.chmod(0o755)
    config.stash[_FOLDER] = folder
    run = contextlib.ExitStack()
    run.enter_context(locked(folder / ALIVE))

    def end() -> None:
        run.close()
        for lock in folder.glob("*.keeper"):
            with locked(lock):
                pass  # it has ended
        shutil.rmtree(folder, ignore_errors=True)

    config.add_cleanup(end)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell xdist's workers the folder."""
    node.workerinput["once"] = str(node.config.stash[_FOLDER])


@pytest.fixture(scope="session")
def once(pytestconfig: pytest.Config) -> Once:
    return Once(pytestconfig.stash[_FOLDER])
