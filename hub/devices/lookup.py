"""Which device somebody means: by its id, its name, or its place and name."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from hub.devices.known import DeviceUnknownError
from hub.errors import HubError

__all__ = ["AmbiguousNameError", "NamedDevice", "fold", "look_up"]

_SHOWN = 8  # candidates in one line
# Marks on these letters are accents; in other scripts they make another letter (й, が).
_ACCENTED = ("LATIN", "GREEK")


@dataclass(frozen=True, slots=True)
class NamedDevice:
    """A device as people know it; `place` its places from the outside in, `name` empty: none."""

    id: str
    name: str
    place: Sequence[str]
    tenant: str

    def __str__(self) -> str:
        where = " / ".join([*self.place, *([self.name] if self.name else [])])
        return f"{self.id} ({where})" if where else self.id


class AmbiguousNameError(HubError):
    """Several devices have the name; `candidates` are they."""

    exit_status = 9

    def __init__(self, name: str, candidates: Sequence[NamedDevice]) -> None:
        self.candidates = candidates
        shown = ", ".join(map(str, candidates[:_SHOWN]))
        more = f" and {len(candidates) - _SHOWN} more" if len(candidates) > _SHOWN else ""
        super().__init__(
            f"{len(candidates)} devices are called {name!r}: {shown}{more}; name one by its id, "
            "or with its place in front, as in 'House / Cellar'"
        )


def fold(text: str) -> str:
    """A name without what people leave out: capitals, accents, doubled spaces."""
    letters: list[str] = []
    for letter in unicodedata.normalize("NFC", text):
        plain = unicodedata.normalize("NFD", letter)
        accented = unicodedata.name(plain[0], "").startswith(_ACCENTED)
        letters.append(plain[0] if accented else letter)
    kept = (letter for letter in letters if not unicodedata.combining(letter) or letter.isalpha())
    return " ".join(unicodedata.normalize("NFKC", "".join(kept)).casefold().split())


def look_up(text: str, devices: Iterable[NamedDevice]) -> NamedDevice:
    """The device that is meant. Raises DeviceUnknownError, AmbiguousNameError.

    An id goes before names, a name as it is written before one that differs in capitals or
    accents; places may stand in front of a name: `Kitchen / Fridge`.
    """
    known = list(devices)
    for matches in (_by_id, _by_name, _by_folded_name, _by_place_and_name):
        found = [one for one in known if matches(text, one)]
        if len(found) == 1:
            return found[0]
        if found:
            raise AmbiguousNameError(text[:64], found)
    raise DeviceUnknownError(text, _near(text, known))


def _by_id(text: str, device: NamedDevice) -> bool:
    return device.id == text


def _by_name(text: str, device: NamedDevice) -> bool:
    return bool(device.name) and _same(device.name) == _same(text)


def _same(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _by_folded_name(text: str, device: NamedDevice) -> bool:
    return bool(device.name) and fold(device.name) == fold(text)


def _by_place_and_name(text: str, device: NamedDevice) -> bool:
    *places, name = (fold(part) for part in text.split("/"))
    its = [fold(place) for place in device.place]
    return bool(places) and its[-len(places) :] == places and name in {fold(device.name), device.id}


def _near(text: str, devices: Iterable[NamedDevice]) -> list[str]:
    """At most three devices with a name or id like it: by spelling, or of which it is a part."""
    meant = fold(text)
    spelt: dict[str, list[NamedDevice]] = {}
    for one in devices:
        for name in filter(None, (one.id, one.name)):
            spelt.setdefault(fold(name), []).append(one)
    parts = [name for name in spelt if len(meant) >= 3 and meant in name]
    names = [*parts, *get_close_matches(meant, spelt, 3, 0.6)]
    return list(dict.fromkeys(str(one) for name in names for one in spelt[name]))[:3]
