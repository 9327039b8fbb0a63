"""Where a value stands in a JSON payload: member names, [n] and patterns, joined by dots. Pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hub.errors import HubError

__all__ = ["Found", "MappingError", "PathStep", "leads", "leaves", "levels", "walk"]


class MappingError(HubError):
    """A payload does not fit its mapping."""


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step: a member's name, an index (`[0]`), or a pattern for several.

    Of a pattern `matcher` tells which members are meant; its group `number` or `part`, the whole
    name without one, says which part of the device each is.
    """

    name: str | int
    matcher: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A value, the members that patterns matched on the way, and the object that holds it."""

    value: Any
    members: tuple[str, ...]
    holders: tuple[Any, ...]


_LEVEL = re.compile(r'\["([^"\]]+)"\]|\[(\d{1,4}|\*)\]|([^.\[\]]+)')
_PLACES = {"{number}": r"(?P<number>[0-9]{1,3})", "{node}": r"(?P<part>.+)", "*": r"(?P<part>.*)"}
_PATTERNS = re.compile(r"(\{number\}|\{node(?::[^{}]*)?\}|\*)")


@functools.lru_cache(maxsize=4096)
def levels(path: str) -> tuple[PathStep, ...]:
    """The steps of a path: `a.b[0]`, `*.Temperature`, `switch:{number}.output`, `x["PM2.5"]`.

    `$` is the whole of it. Raises MappingError.
    """
    if path == "$":
        return ()
    found: list[PathStep] = []
    at = 0
    while at < len(path):
        match = _LEVEL.match(path, at + 1 if found and path[at] == "." else at)
        if match is None or (not found and path[at] == "."):
            raise MappingError(
                f"path {path!r} is not member names and [n] joined by dots"
                ' (["..."] for a name with a dot)'
            )
        quoted, index, plain = match.groups()
        if index is not None and index != "*":
            found.append(PathStep(int(index)))
        elif quoted is not None:
            found.append(PathStep(quoted))
        else:
            found.append(_level(index or plain))
        at = match.end()
        if at < len(path) and path[at] not in ".[":
            raise MappingError(f"path {path!r}: {path[at:]!r} does not follow")
    return tuple(found)


def _level(text: str) -> PathStep:
    parts = _PATTERNS.split(text)
    if len(parts) == 1:
        return PathStep(text)
    if len(parts) > 3:
        raise MappingError(f"path: {text!r} has more than one pattern")
    regex = "".join(_place(part) for part in parts)
    return PathStep(text, re.compile(regex, re.ASCII if "{number}" in text else 0))


def _place(part: str) -> str:
    """What a part of a level matches: itself, or what a place takes (`{node:left|l*}`)."""
    if not part.startswith("{node:"):
        return _PLACES.get(part, re.escape(part))
    kinds = [re.escape(kind).replace(r"\*", ".*") for kind in part[6:-1].split("|")]
    return f"(?P<part>{'|'.join(kinds)})"


def walk(document: Any, steps: tuple[PathStep, ...]) -> Iterator[Found]:
    """Every value at a path; none where it leads nowhere."""
    yield from _walk(document, steps, (), ())


def _walk(
    value: Any, steps: tuple[PathStep, ...], members: tuple[str, ...], holders: tuple[Any, ...]
) -> Iterator[Found]:
    if not steps:
        yield Found(value, members, holders)
        return
    step, rest = steps[0], steps[1:]
    if step.matcher is None:
        inside = _member(value, step.name)
        if inside is not _NOTHING:
            yield from _walk(inside, rest, members, holders)
        return
    for name, inside in _members(value):
        match = step.matcher.fullmatch(name)
        if match is not None:
            found = next(iter(match.groupdict().values()), name)
            yield from _walk(inside, rest, (*members, found), (*holders, inside))


def leaves(value: Any, names: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to each value that is no object or list."""
    named = value.items() if isinstance(value, dict) else ()
    counted = enumerate(value) if isinstance(value, list) else ()
    for name, inside in (*named, *counted):
        if isinstance(inside, dict | list):
            yield from leaves(inside, (*names, name))
        else:
            yield (*names, name)


def leads(steps: tuple[PathStep, ...], names: tuple[str | int, ...]) -> bool:
    """Whether a path leads to this value, or to what holds it."""
    return len(steps) <= len(names) and all(
        step.name == name if step.matcher is None else step.matcher.fullmatch(str(name))
        for step, name in zip(steps, names, strict=False)
    )


_NOTHING = object()


def _member(value: Any, name: str | int) -> Any:
    if isinstance(value, dict) and isinstance(name, str):
        return value.get(name, _NOTHING)
    if isinstance(value, list) and isinstance(name, int) and name < len(value):
        return value[name]
    return _NOTHING


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """Members by name; those of a list count from 1."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from ((str(n), inside) for n, inside in enumerate(value, 1))
