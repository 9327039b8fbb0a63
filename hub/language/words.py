"""Text for people, in the language of whoever is asked for it.

A message's English is its name: `_("Log out")`, `_("{name} is muted.", name=...)`. Which language
holds is set where a request or websocket comes in; whatever runs on its behalf inherits it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = [
    "ENGLISH",
    "LANGUAGES",
    "N_",
    "_",
    "language",
    "ngettext",
    "preferred",
    "speak",
    "spoken",
]

ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "de": "Deutsch", "fr": "Français"}
"""What can be chosen, each by its own name. A further one is a file beside de.po."""

_SPOKEN: ContextVar[str] = ContextVar("language", default=ENGLISH)
# A browser sends some ten languages; no more than that is looked at.
_MOST = 400
_WISH = re.compile(
    r"\s*([a-z]{2,3})(?:-[\w-]+)?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*", re.IGNORECASE
)


def language() -> str:
    """The language that holds here: a key of LANGUAGES."""
    return _SPOKEN.get()


def speak(wanted: str) -> None:
    """Speak one of LANGUAGES from here on, in this task and those that it begins."""
    if wanted in LANGUAGES:
        _SPOKEN.set(wanted)


@contextmanager
def spoken(wanted: str) -> Iterator[None]:
    """Speak one of LANGUAGES within it."""
    token = _SPOKEN.set(wanted if wanted in LANGUAGES else ENGLISH)
    try:
        yield
    finally:
        _SPOKEN.reset(token)


def preferred(accept_language: str) -> str:
    """What a browser would rather read, by its header (RFC 9110, 12.5.4); English by default."""
    best, weight = ENGLISH, 0.0
    for wish in accept_language[:_MOST].split(","):
        found = _WISH.fullmatch(wish)
        if found is None or found[1].lower() not in LANGUAGES:
            continue
        wished = float(found[2] or 1)
        if wished > weight:
            best, weight = found[1].lower(), wished
    return best


def _(message: str, /, **values: object) -> str:
    """A message in the language that holds, its `{names}` filled in where values are given."""
    text = message
    if (wanted := _SPOKEN.get()) != ENGLISH:
        from hub.language.catalogues import translations  # noqa: PLC0415  # not for English

        text = translations(wanted).gettext(message)
    return text.format_map(values) if values else text


def ngettext(one: str, more: str, n: int, /, **values: object) -> str:
    """As `_`, by number: `ngettext("{n} device", "{n} devices", 3)`; `{n}` is filled in."""
    text = one if n == 1 else more
    if (wanted := _SPOKEN.get()) != ENGLISH:
        from hub.language.catalogues import translations  # noqa: PLC0415  # as above

        text = translations(wanted).ngettext(one, more, n)
    return text.format_map({"n": n, **values})


def N_(message: str) -> str:  # noqa: N802  # gettext's name for it, which extraction knows
    """Marks a message that is translated later, by `_` where it is shown."""
    return message
