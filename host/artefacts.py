"""What a user puts on a board without compiling C, and what MicroPython's build is pointed at."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import FlashSizeError
from contracts.versions import Version
from host import boards, files, romfs
from host.firmware import SOURCE, compile_firmware

__all__ = ["ANY_BOARD", "STAMP", "Artefacts", "build"]

STAMP = "dormouse.json"
"""The file that says which version this is, and for which board."""

ANY_BOARD = "generic"


@dataclass(frozen=True, slots=True)
class Artefacts:
    """Where they are: a folder for a filesystem, a ROMFS image, a tree for a frozen build."""

    modules: Path
    romfs: Path
    frozen: Path


def build(folder: Path, version: str, board: str = ANY_BOARD, source: Path = SOURCE) -> Artefacts:
    """Make the artefacts in `folder`, in place of what was there; the same bytes each time.

    Raises VersionError, UnknownBoardError, FirmwareBuildError, FlashSizeError, FileWriteError.
    """
    Version.parse(version)
    if board != ANY_BOARD:
        boards.get(board)
    folder.mkdir(parents=True, exist_ok=True)
    made = Artefacts(folder / "modules", folder / "dormouse.romfs", folder / "frozen")
    stamp = json.dumps({"version": version, "board": board}, sort_keys=True) + "\n"
    with tempfile.TemporaryDirectory(dir=folder) as name:
        modules, frozen = Path(name) / "modules", Path(name) / "frozen"
        _modules(modules, version, board, source)
        (modules / STAMP).write_text(stamp, "utf-8")
        _frozen(frozen, version, board, source)
        image = romfs.build(modules)
        if len(image) > romfs.ROOM:
            raise FlashSizeError(f"the ROMFS image has {len(image)} bytes, of at most {romfs.ROOM}")
        for draft, place in ((modules, made.modules), (frozen, made.frozen)):
            shutil.rmtree(place, ignore_errors=True)
            draft.rename(place)
    files.write(made.romfs, image)
    return made


def _modules(target: Path, version: str, board: str, source: Path) -> None:
    compile_firmware(target, version, board, source)
    # MicroPython starts main.py by this name only, from source.
    (target / "main.mpy").unlink()
    shutil.copyfile(source / "main.py", target / "main.py")


def _frozen(target: Path, version: str, board: str, source: Path) -> None:
    """The sources with their stamp, for MicroPython's own build to freeze."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "mypy.ini"))
    (target / "dormouse" / "version.py").write_text(
        f'VERSION = "{version}"\nBOARD = "{board}"\n', "utf-8"
    )
