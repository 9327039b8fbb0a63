"""What must stand in a message for a rule to read it: `path`, or `path=word`. Pure."""

from __future__ import annotations

import json
from typing import Any

from hub.mapping.paths import levels, walk

__all__ = ["condition_paths", "conditions", "holds", "moved_conditions"]


def conditions(given: str | tuple[str, ...]) -> tuple[str, ...]:
    """A rule's conditions, whether it has one, several or none."""
    return tuple(one for one in ((given,) if isinstance(given, str) else given) if one)


def condition_paths(given: str | tuple[str, ...]) -> tuple[str, ...]:
    """Where they look."""
    return tuple(one.partition("=")[0] for one in conditions(given))


def moved_conditions(given: str | tuple[str, ...], under: str) -> tuple[str, ...]:
    """The same, one member further inside."""
    return tuple(f"{under}.{one}" for one in conditions(given))


def holds(condition: str, tree: Any) -> bool:
    """Whether the path leads to something, and where a word is given, to that (in any case)."""
    path, compared, word = condition.partition("=")
    found = (one.value for one in walk(tree, levels(path)) if one.value is not None)
    if not compared:
        return any(True for _ in found)
    return any(_text(value) == word.strip().casefold() for value in found)


def _text(value: Any) -> str:
    return (value if isinstance(value, str) else json.dumps(value)).strip().casefold()
