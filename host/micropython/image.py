"""From our sources and MicroPython's to an image to flash: built, checked, stamped, signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from contracts import image, map_marker
from contracts.errors import FlashSizeError
from contracts.flash_map import FlashMap
from contracts.ota.checks import check_image
from contracts.signatures import Key
from host import artefacts, files
from host.boards import Board
from host.linked import report
from host.linked.checks import Program
from host.linked.errors import LinkError
from host.micropython import build as make
from host.micropython import sources, toolchain

__all__ = ["Made", "Wanted", "build"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be built; without a key the image is stamped, not signed.

    `variables` are for MicroPython's make (ESP_SDK, CROSS_COMPILE, ...).
    """

    board: Board
    version: str
    flash_map: FlashMap
    key: Key | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Made:
    """An image to flash, the linked file it is from, and what there is to say about them."""

    image: Path
    linked: Path
    lines: tuple[str, ...]


def build(
    folder: Path,
    wanted: Wanted,
    output: Path,
    *,
    progress: make.Progress,
    changed: bool = False,
) -> Made:
    """Build with MicroPython's sources in `folder`; image and linked file are left in `output`.

    Nothing of an earlier build is replaced before all is checked. `changed` takes sources that
    differ from their commit. Raises what host.micropython's other modules, host.artefacts and
    host.linked raise, and FlashSizeError for a board whose flash is smaller than the map's.
    """
    board, flash_map = wanted.board, wanted.flash_map
    if flash_map.size > board.flash_size:
        raise FlashSizeError(
            f"{board.name}: {board.flash_size >> 10} KiB of flash, the flash map wants "
            f"{flash_map.size >> 10} KiB"
        )
    layout = artefacts.layout_of(flash_map)
    found = sources.find(folder, changed=changed)
    toolchain.check(wanted.variables)
    progress("the tree to freeze")
    tree = artefacts.build(output, wanted.version, board.id, flash_map=flash_map).frozen
    linked, built = make.run(
        found,
        tree,
        layout,
        wanted.variables,
        log=output / "make.log",
        progress=lambda line: progress(f"MicroPython {found.version}: {line[:60]}"),
    )
    progress("checks")
    what = report.check(linked, Program.APPLICATION, flash_map)
    data = image.stamp(files.read(built), wanted.version, board.id, wanted.key)
    check_image(data, flash_map, board=board.id, running="0.0.0")
    if map_marker.find(data) != map_marker.marker(flash_map):
        raise LinkError(f"{built}: does not say for which flash map it is: an older tree's build?")
    name = f"firmware-{board.id}-{wanted.version}"
    places = output / f"{name}.bin", output / f"{name}.elf"
    files.write(places[1], files.read(linked))
    files.write(places[0], data)
    signed = f"signed by {wanted.key.name}" if wanted.key else "not signed: there is no key"
    lines = [
        f"MicroPython {found.version}, flash map of {flash_map.size >> 10} KiB",
        *(f"{n}: {text}" for n, text in report.describe(what, Program.APPLICATION, flash_map)),
        f"{places[0]}: {len(data)} bytes, {signed}",
    ]
    return Made(*places, tuple(lines))
