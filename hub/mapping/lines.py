"""Where in a JSON text a member stands. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

__all__ = ["line_of", "repeated"]

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def line_of(text: str, where: Sequence[str | int]) -> int:
    """The line, from 1, of the member that these names and indexes lead to.

    Where they lead nowhere, the line of the last one that is there.
    """
    at = _skip(text, 0)
    for step in where:
        found = _inside(text, at, step)
        if found is None:
            break
        at = found
    return text.count("\n", 0, at) + 1


def repeated(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object_pairs_hook that refuses a name which stands twice. Raises ValueError."""
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} stands there twice")
        found[name] = value
    return found


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _inside(text: str, at: int, step: str | int) -> int | None:
    """Where the value of a member or an element begins."""
    opening = text[at : at + 1]
    if opening not in {"{", "["} or (opening == "{") != isinstance(step, str):
        return None
    at, n = _skip(text, at + 1), 0
    while text[at : at + 1] not in {"}", "]", ""}:
        name: str | int = n
        if opening == "{":
            name, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        if name == step:
            return at
        _, at = _DECODER.raw_decode(text, at)
        at, n = _skip(text, at), n + 1
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
    return None
