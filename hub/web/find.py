"""Finding a room, a device or a page by a part of its name, for the field in the header."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

from fastapi import APIRouter, Query

from hub.api.principal import Reader
from hub.devices.glance import Glance, PlaceGlance
from hub.language.words import _
from hub.services import Services
from hub.web.menu import MenuEntry, menu_of

__all__ = ["FoundOut", "found", "router"]

# As many as a glance takes in.
_MOST = 8


@dataclass(frozen=True, slots=True)
class FoundOut:
    """A line of what was found: what it is called, where it is or what it is, its page."""

    title: str
    where: str
    path: str


class _Candidate(NamedTuple):
    line: FoundOut
    names: tuple[str, ...]


def router(services: Services) -> APIRouter:
    """GET /find?q=: at most eight lines, the best first, of the tenant that is looked at."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/find")
    async def find(principal: Reader, q: str = Query(max_length=100)) -> list[FoundOut]:
        glance = await services.devices.glance(principal.tenant)
        names = await services.naming.names(principal.tenant)
        return found(q, glance, names, menu_of(principal))

    return routes


def found(
    wanted: str, glance: Glance, names: Mapping[str, str], menu: Iterable[MenuEntry]
) -> list[FoundOut]:
    """What is called so, without regard to case and accents.

    Names that begin so come first, then those with a word that does, then the rest.
    """
    plain = _plain(wanted)
    if not plain:
        return []
    ranked = [
        (rank, number, candidate.line)
        for number, candidate in enumerate(_candidates(glance, names, menu))
        if (rank := _rank(plain, candidate.names)) is not None
    ]
    return [line for _, _, line in sorted(ranked, key=lambda one: one[:2])[:_MOST]]


def _candidates(
    glance: Glance, names: Mapping[str, str], menu: Iterable[MenuEntry]
) -> Iterator[_Candidate]:
    places = {place.place: place for place in glance.places}
    for place in glance.places:
        above = _path(places, places.get(place.parent or 0))
        line = FoundOut(
            title=place.name, where=above or _("Place"), path=f"/devices?place={place.place}"
        )
        yield _Candidate(line, (place.name,))
    for device in glance.devices:
        name = device.name or names.get(device.device) or device.device
        where = _path(places, places.get(device.place or 0)) or _("Device")
        path = f"/devices/{quote(device.device, safe='')}"
        yield _Candidate(FoundOut(title=name, where=where, path=path), (name, device.device))
    for entry in menu:
        title = _(entry.title)
        yield _Candidate(FoundOut(title=title, where=_("Page"), path=entry.path), (title,))
        for name, path in entry.parts:
            part = _(name)
            yield _Candidate(FoundOut(title=part, where=title, path=path), (part,))


def _path(places: Mapping[int, PlaceGlance], at: PlaceGlance | None) -> str:
    parts: list[str] = []
    while at is not None and len(parts) <= len(places):
        parts.insert(0, at.name)
        at = places.get(at.parent or 0)
    return " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} ".join(parts)


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in apart if not unicodedata.combining(c)).split())


def _rank(wanted: str, names: Iterable[str]) -> int | None:
    ranks = [rank for name in names if (rank := _rank_of(wanted, _plain(name))) is not None]
    return min(ranks, default=None)


def _rank_of(wanted: str, name: str) -> int | None:
    if name.startswith(wanted):
        return 0
    if f" {wanted}" in name:
        return 1
    return 2 if wanted in name else None
