"""One message and one rule: the values it has, and of which part of the device. Pure."""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.reading import SourceScale
from hub.mapping.compiled import Route
from hub.mapping.conditions import conditions, holds
from hub.mapping.convert import as_value, document, fitting_unit, part_named, source_scale
from hub.mapping.paths import Found, MappingError, levels, walk
from hub.mapping.profiles import TopicRule

__all__ = ["Heard", "Payload", "heard"]


@dataclass(frozen=True, slots=True)
class Heard:
    """A value as text, its part, and the index it would like; `number` is what commands need.

    `source` is how its number was read.
    """

    text: str
    part: str
    wanted: int | None
    number: str
    source: SourceScale | None = None


class Payload:
    """A payload as text, and as JSON once somebody asks. `tree` raises MappingError."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.broken = False
        """Somebody has asked for JSON, and it is none."""

    @functools.cached_property
    def tree(self) -> Any:
        """The payload as JSON."""
        try:
            return document(self.text)
        except MappingError:
            self.broken = True
            raise

    def has(self, path: str) -> bool:
        """Whether a path leads to something."""
        tree, steps = self.tree, levels(path)
        # Of a preset's rules most are for other devices: their first member is not there.
        first = steps[0] if steps and isinstance(tree, dict) else None
        if first is not None and first.matcher is None and tree.get(first.name) is None:
            return False
        return any(found.value is not None for found in walk(tree, steps))


def heard(
    route: Route, places: Mapping[str, str], payload: Payload, unit: str | None, only: str | None
) -> Iterator[Heard]:
    """What a rule makes of a payload. `unit` is what the device named at a topic of its own.

    `only` is the part that stands in where the value does not say (see `beside`).
    Raises MappingError.
    """
    rule = route.rule
    if not all(holds(one, payload.tree) for one in conditions(rule.when)):
        return
    if any(holds(one, payload.tree) for one in conditions(rule.unless)):
        return
    if any(_excluded(rule, places[name]) for name in ("node", "property") if name in places):
        return
    values = walk(payload.tree, levels(rule.path)) if rule.path else [Found(payload.text, (), ())]
    for found in values:
        if any(_excluded(rule, member) for member in found.members):
            continue
        if found.value is None:
            continue
        tree = payload.tree if rule.unit_path else None
        part = _part(rule, places, found, payload, only)
        yield from _of(route, found.value, fitting_unit(rule, route.kind, tree, unit), part)


def _excluded(rule: TopicRule, name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in rule.exclude)


def _of(
    route: Route, value: Any, unit: str | None, part: tuple[str, int | None, str]
) -> Iterator[Heard]:
    several = isinstance(value, list) and route.rule.color is None
    named = part_named(route.rule, value)
    if named is not None:
        means, name = named
        yield Heard(means, "/".join(filter(None, (part[0], name))), _counted(name), name)
        return
    for n, raw in enumerate(value if several else [value]):
        text = as_value(route.rule, route.kind, raw, unit)
        if text is None:
            continue
        source = source_scale(route.rule, route.kind, raw, unit)
        if several:  # one for each phase or channel: their place is what they are
            yield Heard(text, str(n + 1), n, str(n + 1), source)
        else:
            yield Heard(text, *part, source)


def _part(
    rule: TopicRule, places: Mapping[str, str], found: Found, payload: Payload, only: str | None
) -> tuple[str, int | None, str]:
    """Name of the part, the index it would like, and its number."""
    if rule.beside:
        number = _beside(rule, payload) or only or rule.part or "1"
        return number, _index(rule, number), number
    names = [places[name] for name in ("node", "property") if name in places]
    counted = "number" in places or "{number}" in rule.path
    if "number" in places:
        names.append(places["number"])
    names += _members(rule, found)
    part = "/".join(names) if rule.part is None else rule.part
    if rule.index is not None:
        return part, rule.index, str(rule.index + rule.first)
    if rule.part is not None or (counted and len(names) == 1):
        return part, _index(rule, part), part
    return part, None if names else 0, places.get("number", part)


def _counted(name: str) -> int | None:
    """The index that a name with a number at its end would like: "button_2" is the second."""
    digits = name[len(name.rstrip("0123456789")) :]
    return max(int(digits) - 1, 0) if digits and len(digits) < 4 else None


def _index(rule: TopicRule, part: str) -> int | None:
    return max(int(part) - rule.first, 0) if part.isdecimal() else None


def _members(rule: TopicRule, found: Found) -> list[str]:
    """What patterns found, the last one by the address that stands in it."""
    names = list(found.members)
    if names and isinstance(found.holders[-1], dict):
        address = next(
            (found.holders[-1][name] for name in rule.id if found.holders[-1].get(name)), None
        )
        if isinstance(address, str | int):
            names[-1] = str(address)
    return names


def _beside(rule: TopicRule, payload: Payload) -> str | None:
    """The number of the last member beside the value that the pattern means."""
    steps = levels(rule.path)[:-1]
    numbers = [
        int(number)
        for holder in walk(payload.tree, steps)
        for found in walk(holder.value, levels(rule.beside))
        for number in found.members
    ]
    return str(max(numbers)) if numbers else None
