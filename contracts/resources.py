"""Files of the source tree that commands need: from the tree itself, or from the installed wheel.

The wheel keeps them in the folder `_tree` of this package, under the names that they have in the
tree (pyproject.toml says which); a source tree has no such folder.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

__all__ = [
    "DISTRIBUTION",
    "default_flash_map",
    "deploy",
    "firmware",
    "flash_maps",
    "release",
    "source_tree",
]

DISTRIBUTION = "dormouse-home"
"""What the package is called where packages are installed from."""

_PACKAGE = Path(__file__).resolve().parent
_PACKAGED = _PACKAGE / "_tree"


def source_tree() -> Path | None:
    """The source tree that this runs from; None for an installed wheel."""
    return None if _PACKAGED.is_dir() else _PACKAGE.parent


def firmware() -> Path:
    """The folder of the device's sources."""
    return _folder() / "firmware"


def deploy() -> Path:
    """The folder with what a machine is given to run the hub: the service's unit."""
    return _folder() / "deploy"


def flash_maps() -> list[Path]:
    """The flash maps for parts of every size, sorted by name."""
    return sorted((_folder() / "partitions").glob("*.csv"))


def default_flash_map() -> Path:
    """The map that fits every part: the tree's partitions.csv, and its like in the wheel."""
    tree = source_tree()
    return tree / "partitions.csv" if tree else _PACKAGED / "partitions" / "1m.csv"


def release() -> str:
    """The version of all of it: "1.2.3"."""
    tree = source_tree()
    if tree:
        # What is installed in development names the version of the day of its installation.
        return (tree / "VERSION").read_text("utf-8").strip()
    return metadata.version(DISTRIBUTION)


def _folder() -> Path:
    return source_tree() or _PACKAGED
