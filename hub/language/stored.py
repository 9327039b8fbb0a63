"""Sentences that are stored in English, said in the language that holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from hub.language.words import ENGLISH, _, language

__all__ = ["StoredSentences"]


class StoredSentences:
    """Knows the messages that stored sentences were made by, the first that fits counts.

    `{names}` in them stand for what was filled in; `part` is asked for each, by name and text, what
    it is called in the language that holds. A name of `known` stands for one of its texts alone.
    """

    def __init__(
        self,
        messages: Sequence[str],
        part: Callable[[str, str], str],
        known: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self._part = part
        self._patterns = [(message, _pattern(message, known or {})) for message in messages]

    def said(self, stored: str) -> str:
        """What was stored; one that no message fits stays English."""
        if language() == ENGLISH or not stored:
            return stored
        for message, pattern in self._patterns:
            if found := pattern.fullmatch(stored):
                filled = found.groupdict().items()
                return _(message, **{name: self._part(name, text) for name, text in filled})
        return stored


def _pattern(message: str, known: Mapping[str, Collection[str]]) -> re.Pattern[str]:
    def filled(name: str) -> str:
        texts = sorted(map(re.escape, known.get(name, ())), key=len, reverse=True)
        return f"(?P<{name}>{'|'.join(texts) or '.+?'})"

    parts = re.split(r"\{(\w+)\}", message)
    return re.compile("".join(filled(p) if n % 2 else re.escape(p) for n, p in enumerate(parts)))
