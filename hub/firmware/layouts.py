"""The flash maps that images must fit."""

from __future__ import annotations

from pathlib import Path

from contracts import flash_map as flashmap
from contracts.flash_map import FlashMap
from host.errors import HostError
from hub.errors import SettingsError

__all__ = ["layouts"]

_OURS = Path(__file__).resolve().parents[2] / "partitions"


def layouts(setting: str) -> tuple[FlashMap, ...]:
    """The map in the named file; without a name those of this source tree, none where none is.

    Raises SettingsError with the file and the line.
    """
    files = [Path(setting)] if setting else sorted(_OURS.glob("*.csv"))
    try:
        return tuple(flashmap.read(file) for file in files)
    except HostError as error:
        raise SettingsError(f"DORMOUSE_PARTITIONS={setting}: {error}") from None
