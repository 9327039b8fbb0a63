"""Flash maps as files: partitions.csv read, and printed for C and for the device.

`python -m host.flash_maps header|module [FILE]` prints the map as a C header for the bootloader or
as a Python module for the firmware.
"""

from __future__ import annotations

import sys
from pathlib import Path

from contracts import resources
from contracts.errors import DormouseError
from contracts.flash_map import FlashMap, header, module, parse
from contracts.map_marker import marker
from host import files

__all__ = ["default", "named", "read"]

_HERE = Path("partitions.csv")


def default() -> Path:
    """The partitions.csv of the current folder, else the map that fits every part."""
    return _HERE if _HERE.exists() else resources.default_flash_map()


def named(text: str) -> Path:
    """The file of that name; where there is none `1m`, `2m`, `4m` are ours, by the part's MiB."""
    ours = {path.stem: path for path in resources.flash_maps()}
    path = Path(text)
    return path if path.exists() else ours.get(str(text), path)


def read(path: Path, *, flash_size: int | None = None) -> FlashMap:
    """The map in a partitions.csv; see contracts.flash_map.parse. Errors name file and line."""
    text = files.read(path).decode("utf-8", errors="replace")
    return parse(text, flash_size=flash_size, source=str(path))


def main(arguments: list[str]) -> int:
    """Print the map in the form asked for; the exit status."""
    renderings = {"header": _header, "module": module}
    if not 1 <= len(arguments) <= 2 or arguments[0] not in renderings:
        print("usage: python -m host.flash_maps header|module [partitions.csv]", file=sys.stderr)
        return 2
    path = Path(arguments[1]) if len(arguments) == 2 else default()
    try:
        print(renderings[arguments[0]](read(path)), end="")
    except DormouseError as error:
        print(f"flash map: {error}", file=sys.stderr)
        return error.exit_status
    return 0


def _header(flash_map: FlashMap) -> str:
    """The header, with the text that images carry."""
    return f'{header(flash_map)}#define FLASH_MAP_MARKER "{marker(flash_map)}"\n'


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
