"""A folder of MicroPython's sources: whether it is one, whole, and which version."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from host import files
from host.micropython.errors import (
    NoSubmodulesError,
    NotMicroPythonError,
    SourcesVersionError,
)

__all__ = ["OLDEST", "MicroPythonSources", "find"]

OLDEST = (1, 27)
"""The first version whose start-up modules our board folder was written for."""

# What the ESP8266 port and its manifest take from other repositories (its GIT_SUBMODULES).
_SUBMODULES = ("lib/axtls", "lib/berkeley-db-1.xx", "lib/micropython-lib")
_VERSION = re.compile(r"v(\d+)\.(\d+)(?:\.\d+)?(?:-[-.\w]+)?")


@dataclass(frozen=True, slots=True)
class MicroPythonSources:
    """Checked sources; `date` is their commit's in seconds since 1970, 0 where there is no git."""

    folder: Path
    version: str
    date: int

    @property
    def port(self) -> Path:
        """The ESP8266 port's folder."""
        return self.folder / "ports" / "esp8266"

    @property
    def build(self) -> Path:
        """Where its make builds our board."""
        return self.port / "build-DORMOUSE"


def find(folder: Path, *, changed: bool = False) -> MicroPythonSources:
    """The sources in a folder; `changed` takes those that differ from their commit, too.

    Raises NotMicroPythonError, NoSubmodulesError, SourcesVersionError.
    """
    folder = folder.resolve()
    for name in ("ports/esp8266/Makefile", "py/mpconfig.h", "mpy-cross/Makefile"):
        if not (folder / name).is_file():
            raise NotMicroPythonError(
                f"{folder}: no sources of MicroPython with its ESP8266 port ({name} is missing)"
            )
    _check_submodules(folder)
    version = _version(folder)
    found = _VERSION.fullmatch(version.removesuffix("-dirty"))
    if found is None:
        raise SourcesVersionError(
            f"{folder}: which version is not known ('{version}'): git fetch --tags there"
        )
    if (int(found[1]), int(found[2])) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise SourcesVersionError(f"{folder}: MicroPython {version}; {wanted} or newer is wanted")
    if version.endswith("-dirty") and not changed:
        raise SourcesVersionError(
            f"{folder}: MicroPython {version}: changed, so nobody can build the same again; "
            "--changed-sources builds it all the same"
        )
    return MicroPythonSources(folder, version, _date(folder))


def _check_submodules(folder: Path) -> None:
    missing = [name for name in _SUBMODULES if not any((folder / name).glob("*"))]
    if missing:
        raise NoSubmodulesError(
            f"{folder}: {', '.join(missing)}: empty; make -C {folder}/ports/esp8266 submodules"
        )


def _version(folder: Path) -> str:
    # A folder that was unpacked, not cloned, may lie in somebody else's repository.
    if (folder / ".git").exists():
        described = _git(folder, "describe", "--tags", "--dirty", "--always", "--match", "v[1-9].*")
        if described:
            return described
    text = files.read(folder / "py" / "mpconfig.h").decode(errors="replace")
    numbers = dict(re.findall(r"#define MICROPY_VERSION_(\w+)\s+\(?(\d+)", text))
    try:
        version = "v{MAJOR}.{MINOR}.{MICRO}".format_map(numbers)
    except KeyError:
        return ""
    return version + ("-preview" if numbers.get("PRERELEASE", "0") != "0" else "")


def _date(folder: Path) -> int:
    said = _git(folder, "log", "-1", "--format=%ct") if (folder / ".git").exists() else ""
    return int(said) if said.isdigit() else 0


def _git(folder: Path, *arguments: str) -> str:
    """What git says, "" when it is not here or does not like the folder."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
