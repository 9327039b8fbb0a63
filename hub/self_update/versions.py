"""The folder of versions: which one is current, what is wanted. Standard library alone.

`state.json` is written by the keeper, `wanted.json` by the hub; both whole or not at all. `current`
is a link for people; what runs is what the state says.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hub.self_update.model import INSTALLED, UpdateState, WantedUpdate

__all__ = ["FOLDER", "Versions"]

FOLDER = "versions"
"""In the data folder."""

_VERSION = re.compile(r"[a-z0-9][a-z0-9-]{0,120}")
_PARTIAL = ".partial"


class Versions:
    """What lies in `<data folder>/versions`; OSError where a disk does not do."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / FOLDER

    def make(self) -> None:
        """The folder, if need be; what was copied by half goes."""
        self.path.mkdir(parents=True, exist_ok=True)
        # Whatever the umask: as root Postgres and the broker run as another user, from there.
        self.path.chmod(0o711)
        for partial in self.path.glob(f"*{_PARTIAL}"):
            shutil.rmtree(partial, ignore_errors=True)

    def tree(self, version: str) -> Path:
        """Where a version lies."""
        if not _VERSION.fullmatch(version):
            raise ValueError(f"{version!r} is no version's name")
        return self.path / version

    def python(self, version: str) -> Path:
        """The interpreter of a version: its tree is a virtual environment, or is made like one."""
        return self.tree(version) / "bin" / "python"

    def is_there(self, version: str) -> bool:
        """Whether it can be run."""
        return version == INSTALLED or os.access(self.python(version), os.X_OK)

    def state(self) -> UpdateState:
        """As it was kept last; what cannot be read is as if there had been no update."""
        found = self._read("state.json")
        with contextlib.suppress(KeyError, TypeError, ValueError):
            return UpdateState.of(found) if found else UpdateState()
        return UpdateState()

    def keep(self, state: UpdateState) -> None:
        """Keep it, on the disk, and have `current` follow."""
        self._write("state.json", state.as_json())
        link, fresh = self.path / "current", self.path / ".current.new"
        fresh.unlink(missing_ok=True)
        if state.running == INSTALLED:
            link.unlink(missing_ok=True)
        else:
            fresh.symlink_to(state.running)
            fresh.replace(link)

    def wanted(self) -> WantedUpdate | None:
        """What the hub asks to be replaced by."""
        found = self._read("wanted.json")
        with contextlib.suppress(KeyError, TypeError):
            return WantedUpdate.of(found) if found else None
        return None

    def want(self, wanted: WantedUpdate) -> None:
        """Ask for it: the keeper switches when the hub has ended."""
        from dataclasses import asdict  # noqa: PLC0415

        self._write("wanted.json", asdict(wanted))

    def unwant(self) -> None:
        """It is in the state now, or is refused."""
        (self.path / "wanted.json").unlink(missing_ok=True)

    def take(self, source: Path, version: str) -> None:
        """Copy a prepared tree here, whole or not at all. Raises OSError, ValueError."""
        target = self.tree(version)
        fresh = target.with_name(target.name + _PARTIAL)
        for folder, _, names in os.walk(source):
            for name in names:
                path = Path(folder) / name
                if not path.is_symlink() and not path.is_file():
                    raise ValueError(f"{path.relative_to(source)}: neither a file nor a folder")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(source, fresh, symlinks=True, copy_function=_copied)
        for folder, _, _ in os.walk(fresh):
            Path(folder).chmod(0o755)
        os.sync()
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)

    def tidy(self, *needed: str) -> None:
        """Versions that nobody needs any more go."""
        for path in self.path.iterdir():
            if path.is_dir() and not path.is_symlink() and path.name not in needed:
                shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def held(self) -> Iterator[bool]:
        """Whether no other keeper has the folder; it is held meanwhile."""
        import fcntl  # noqa: PLC0415  # Windows, which has no such keeper, has none

        with (self.path / "keeper.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
            else:
                yield True

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            found = json.loads((self.path / name).read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def _write(self, name: str, what: dict[str, Any]) -> None:
        fresh = self.path / f".{name}.new"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(what, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path / name)
        folder = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _copied(source: str, target: str) -> str:
    """A file, which runs as nobody else than who runs it, of the same time.

    What is compiled beside a module holds for that module's time alone.
    """
    shutil.copyfile(source, target, follow_symlinks=False)
    if not os.path.islink(target):  # noqa: PTH114  # copytree gives texts
        os.chmod(target, 0o755 if os.access(source, os.X_OK) else 0o644)  # noqa: PTH101
        times = os.stat(source)  # noqa: PTH116
        os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
    return target
