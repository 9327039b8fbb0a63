"""The catalogues: `messages.pot` is the English, `de.po` and so on stand beside it."""

from __future__ import annotations

import gettext
import io
import json
from functools import cache
from importlib.resources import files

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

__all__ = ["catalogue", "script", "translations"]

# What pages show that begins in data: the browser has it by its English name too.
_TERMS = "hub/web/terms.py"


def catalogue(language: str) -> Catalog:
    """A language's catalogue as its file has it."""
    text = files("hub.language").joinpath(f"{language}.po").read_bytes()
    return read_po(io.BytesIO(text), locale=language)


@cache
def translations(language: str) -> gettext.NullTranslations:
    """Its messages; what is not translated, or is marked as doubtful, stays English."""
    packed = io.BytesIO()
    write_mo(packed, catalogue(language))
    packed.seek(0)
    return gettext.GNUTranslations(packed)


@cache
def script(language: str) -> str:
    """A script that gives a browser what its own scripts say: `window.dormouseWords`."""
    found = catalogue(language)
    words = {
        message.id[0] if isinstance(message.id, tuple) else message.id: message.string
        for message in found
        if message.id
        and message.string
        and not message.fuzzy
        and _is_shown_by_scripts(message.locations)
    }
    # The rule for plurals is an expression of C (`n != 1`), which is one of JavaScript too.
    return (
        f"window.dormouseWords={json.dumps(words, ensure_ascii=False)};\n"
        f"window.dormousePlural=(n)=>Number({found.plural_expr});\n"
    )


def _is_shown_by_scripts(locations: list[tuple[str, int]]) -> bool:
    return any(path.endswith(".js") or path == _TERMS for path, _ in locations)
