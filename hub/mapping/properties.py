"""What devices have said of their properties, put into the rules that read and command them."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Any

from hub.mapping.compiled import Attribute, Route
from hub.mapping.convert import document
from hub.mapping.described import PartFacts, PropertyFacts, refined
from hub.mapping.parts import MappedParts
from hub.mapping.paths import MappingError, levels, walk

__all__ = ["KnownProperties", "attribute"]

_REMEMBERED = 10_000  # properties whose rules are known; a flood of others costs a look each
_NOTHING = PartFacts()


class KnownProperties:
    """Rules as they are meant for single properties, by what `parts` keeps of devices' words."""

    def __init__(self, parts: MappedParts) -> None:
        self._parts = parts
        self._known: dict[tuple[Route, str, frozenset[tuple[str, str]]], tuple[int, Route, str]]
        self._known = {}

    def route(
        self, route: Route, device: str, places: Mapping[str, str]
    ) -> tuple[Route, str | None]:
        """The rule as it is meant for the property at these places, and the unit named for it.

        It has no command where the device says that nobody sets the property.
        """
        if not route.about:
            return route, None
        place, said = (route, device, frozenset(places.items())), self._parts.said(device)
        known = self._known.get(place)
        if known is None or known[0] != said:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            facts = self._facts(route, device, places)
            command = None if facts.only_read else route.command
            rule = refined(route.rule, route.kind, facts)
            meant = dataclasses.replace(route, rule=rule, command=command)
            known = self._known[place] = said, meant, facts.unit
        return known[1], known[2] or None

    def part(self, route: Route, device: str, places: Mapping[str, str]) -> PartFacts:
        """What the device says of the part at these places."""
        if route.part is None:
            return _NOTHING
        found = attribute(self._parts, route.part, device, places)
        if not isinstance(found, dict):
            return _NOTHING
        name, service = found.get("name"), found.get("service")
        return PartFacts(
            name if isinstance(name, str) else "", service if isinstance(service, str) else None
        )

    def _facts(self, route: Route, device: str, places: Mapping[str, str]) -> PropertyFacts:
        said = {
            name: _text(attribute(self._parts, about, device, places))
            for name, about in route.about.items()
        }
        return PropertyFacts(**{name: text for name, text in said.items() if text})


def attribute(parts: MappedParts, about: Attribute, device: str, places: Mapping[str, str]) -> Any:
    """What a device said there: the text of a topic, or a value of its JSON; None for nothing."""
    text = parts.unit(device, about.pattern.fill(**{"device": device, **places}))
    if text is None or not about.paths:
        return text
    for path in about.paths:
        with contextlib.suppress(MappingError):
            found = next(walk(_tree(text), levels(_filled(path, places))), None)
            if found is not None:
                return found.value
    return None


def _filled(path: str, places: Mapping[str, str]) -> str:
    """The path with names in its places: whole members, or parts of one (`POWER{number}`)."""
    filled = path
    for name, place in places.items():
        alone, member = f"{{{name}}}", f'["{place}"]'
        filled = filled.replace(f".{alone}", member)
        if filled.startswith(alone):
            filled = f"{member}{filled.removeprefix(alone)}"
        filled = filled.replace(alone, place)
    return filled


def _text(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return value if isinstance(value, str) else ""


@functools.lru_cache(maxsize=256)
def _tree(text: str) -> Any:
    return document(text)
