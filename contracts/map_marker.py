"""The text by which an image says for which flash map it was built: image and map can be compared.

It stands in the OTA server's text and in an application's frozen code, as it is read by people:
`dormouse flash map 1024 KiB: boot 0x0+0x1000, ... app 0x3c000+0x99000, ...;`
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from contracts.flash_map import FlashMap

__all__ = ["MapMarker", "find", "marker"]

_START = "dormouse flash map "
_ENTRY = r"[a-z][a-z0-9_]{0,15} 0x[0-9a-f]+\+0x[0-9a-f]+"
_FORM = re.compile(rf"{_START}(\d+) KiB: ({_ENTRY}(?:, {_ENTRY})*);".encode())


@dataclass(frozen=True, slots=True)
class MapMarker:
    """A flash's size in bytes, and (offset, size) of each partition by its name, in bytes."""

    size: int
    places: dict[str, tuple[int, int]]

    def __str__(self) -> str:
        """The text, as it stands in images."""
        entries = ", ".join(
            f"{name} {offset:#x}+{size:#x}" for name, (offset, size) in self.places.items()
        )
        return f"{_START}{self.size >> 10} KiB: {entries};"

    def differences(self, other: MapMarker) -> list[str]:
        """What is elsewhere in the other map, one phrase a partition."""
        names = dict.fromkeys((*self.places, *other.places))
        return [
            f"{name} at {_place(self.places.get(name))}, not {_place(other.places.get(name))}"
            for name in names
            if self.places.get(name) != other.places.get(name)
        ]


def marker(flash_map: FlashMap) -> MapMarker:
    """The marker of a flash map."""
    return MapMarker(flash_map.size, {p.name: (p.offset, p.size) for p in flash_map})


def find(image: bytes) -> MapMarker | None:
    """The first marker in an image; None where there is none, as in other people's images."""
    found = _FORM.search(image)
    if found is None:
        return None
    places = {}
    for entry in found[2].decode().split(", "):
        name, _, place = entry.partition(" ")
        offset, _, size = place.partition("+")
        places[name] = (int(offset, 16), int(size, 16))
    return MapMarker(int(found[1]) << 10, places)


def _place(place: tuple[int, int] | None) -> str:
    return "no place" if place is None else f"{place[0]:#x}..{sum(place):#x}"
