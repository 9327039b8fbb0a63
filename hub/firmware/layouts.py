"""The flash maps that images must fit."""

from __future__ import annotations

from pathlib import Path

from contracts import resources
from contracts.errors import FlashMapError
from contracts.flash_map import FlashMap, parse
from hub.errors import SettingsError

__all__ = ["layouts"]


def layouts(setting: str) -> tuple[FlashMap, ...]:
    """The map in the named file; without a name those for every size of part.

    Raises SettingsError with the file and the line.
    """
    files = [Path(setting)] if setting else resources.flash_maps()
    try:
        return tuple(_read(file) for file in files)
    except FlashMapError as error:
        raise SettingsError(f"DORMOUSE_PARTITIONS={setting}: {error}") from None
    except OSError as error:
        reason = f"{error.filename}: cannot be read: {error.strerror}"
        raise SettingsError(f"DORMOUSE_PARTITIONS={setting}: {reason}") from None


def _read(file: Path) -> FlashMap:
    return parse(file.read_text("utf-8", errors="replace"), source=str(file))
