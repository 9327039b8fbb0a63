"""Conditions in SQL compared by what they say, however parentheses and casts are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

__all__ = ["same"]

_NAME = r'(?:"(?:[^"]|"")*"|[A-Za-z_]\w*)'
_WORD = re.compile(
    rf"""'(?:[^']|'')*'|{_NAME}(?:\.{_NAME})*|\d+(?:\.\d+)?|::|[-+*/<>=~!@#%^&|?]+|\S"""
)
_PLAIN = re.compile(r'"([a-z_]\w*)"')
_LETTERS = frozenset('"_abcdefghijklmnopqrstuvwxyz')
# What may stand before a parenthesis and calls nothing.
_KEYWORDS = frozenset((
    "all", "and", "any", "as", "between", "case", "else", "exists", "from", "in", "is", "like",
    "not", "on", "or", "select", "then", "using", "values", "when", "where",
))  # fmt: skip
# Postgres casts what is compared with text, and names the column of a sub-select.
_NOISE = re.compile(
    r'::\s*(?:text|character varying(?:\(\d+\))?|bpchar)\b(?!\s*\[)|\bAS\s+"nullif"', re.IGNORECASE
)


def same(one: str | None, other: str | None) -> bool:
    """Whether both say the same, as far as it can be told without asking Postgres."""
    if one is None or other is None:
        return one == other
    return bool(_tree(one) == _tree(other))


def _tree(text: str) -> Any:
    return _nested(iter(_words(text)))


def _words(text: str) -> Iterator[str]:
    # Strings are left as they are: what looks like a cast in one is none.
    parts = re.split(r"('(?:[^']|'')*')", text)
    for part in parts:
        if part.startswith("'"):
            yield part
            continue
        for word in _WORD.findall(_NOISE.sub(" ", part)):
            bare = _PLAIN.sub(r"\1", word)
            yield bare if '"' in bare else bare.lower()


def _nested(words: Iterator[str]) -> Any:
    """What stands in parentheses as a tuple of its own, without those around one thing."""
    found: list[Any] = []
    for word in words:
        if word == ")":
            break
        if word != "(":
            found.append(word)
        elif found and _calls(found[-1]):
            found.append(("call", found.pop(), _nested(words)))
        else:
            found.append(_nested(words))
    return found[0] if len(found) == 1 else tuple(found)


def _calls(word: Any) -> bool:
    """Whether what is before a parenthesis is a function's name."""
    return isinstance(word, str) and word[:1] in _LETTERS and word.lower() not in _KEYWORDS
