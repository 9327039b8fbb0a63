"""What a user puts on a board without compiling C, and what MicroPython's build is pointed at."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import FlashMapError, FlashSizeError
from contracts.flash_map import FlashMap
from contracts.map_marker import marker
from contracts.versions import Version
from host import boards, files, flash_maps, romfs
from host.firmware import SOURCE, compile_firmware, version_module

__all__ = ["ANY_BOARD", "LAYOUTS", "STAMP", "Artefacts", "build", "layout_of"]

STAMP = "dormouse.json"
"""The file that says which version this is, and for which board."""

ANY_BOARD = "generic"

LAYOUTS = ("1m", "2m", "4m")
"""Flash maps with a linker script: partitions/NAME.csv and boards/DORMOUSE/app_NAME.ld."""


@dataclass(frozen=True, slots=True)
class Artefacts:
    """Where they are: a folder for a filesystem, a ROMFS image, a tree for a frozen build."""

    modules: Path
    romfs: Path
    frozen: Path


def layout_of(flash_map: FlashMap) -> str:
    """The layout that a flash map is. Raises FlashMapError for one without a linker script."""
    for layout in LAYOUTS:
        if marker(_layout_map(layout)) == marker(flash_map):
            return layout
    raise FlashMapError(
        f"no firmware can be linked for this flash map, only for {', '.join(LAYOUTS)} of "
        "partitions/"
    )


def _layout_map(layout: str) -> FlashMap:
    return flash_maps.read(SOURCE.parent / "partitions" / f"{layout}.csv")


def build(
    folder: Path,
    version: str,
    board: str = ANY_BOARD,
    source: Path = SOURCE,
    flash_map: FlashMap | None = None,
) -> Artefacts:
    """Make the artefacts in `folder`, in place of what was there; the same bytes each time.

    The tree for a frozen build is for `flash_map`, without one for the smallest part. Raises
    VersionError, UnknownBoardError, FirmwareError, FlashSizeError, FlashMapError, FileWriteError.
    """
    Version.parse(version)
    if board != ANY_BOARD:
        boards.get(board)
    layout = layout_of(flash_map) if flash_map else LAYOUTS[0]
    files.make_folder(folder)
    made = Artefacts(folder / "modules", folder / "dormouse.romfs", folder / "frozen")
    stamp = json.dumps({"version": version, "board": board}, sort_keys=True) + "\n"
    with tempfile.TemporaryDirectory(dir=folder) as name:
        modules, frozen = Path(name) / "modules", Path(name) / "frozen"
        _modules(modules, version, board, source)
        (modules / STAMP).write_text(stamp, "utf-8")
        _frozen(frozen, version, board, source)
        _for_layout(frozen / "boards" / "DORMOUSE", layout)
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
    (target / "dormouse" / "version.py").write_text(version_module(version, board), "utf-8")


def _for_layout(board_folder: Path, layout: str) -> None:
    """Say for which flash map the tree is: to MicroPython's make, and to who looks at the image."""
    text = str(marker(_layout_map(layout)))
    (board_folder / "layout.mk").write_text(f"LAYOUT = {layout}\n", "utf-8")
    (board_folder / "flash_map.py").write_text(f'MAP = "{text}"\n', "utf-8")
