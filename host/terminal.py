"""Output that a terminal or a file of another encoding can take."""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata
from collections.abc import Mapping

__all__ = ["tolerate", "wants_ascii"]

# What our own words have beyond ASCII.
_PLAIN = {
    "°": "", "µ": "u", "²": "2", "³": "3", "·": ".", "…": "...", "→": "->", "←": "<-",
    "\N{GREEK SMALL LETTER MU}": "u", "\N{EN DASH}": "-", "\N{EM DASH}": "-",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"', "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{MULTIPLICATION SIGN}": "x",
}  # fmt: skip


def tolerate(*, as_json: bool) -> None:
    """Have standard output and error take every text, whatever their encoding.

    JSON has escapes for what the encoding lacks; a text its nearest letters, else `?`.
    """
    codecs.register_error("dormouse", _escaped if as_json else _plain)
    for stream in (sys.stdout, sys.stderr):
        if wants_ascii(os.environ) and hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="ascii")
        encoding = (getattr(stream, "encoding", None) or "").lower().replace("-", "")
        if hasattr(stream, "reconfigure"):
            # Names of files that are no UTF-8 come as lone surrogates, in UTF-8 too.
            stream.reconfigure(errors="replace" if encoding == "utf8" else "dormouse")


def wants_ascii(environment: Mapping[str, str]) -> bool:
    """Whether the locale is named C or POSIX, which is ASCII; Python takes it for UTF-8.

    With LANG=C it then names LC_CTYPE itself, C.UTF-8.
    """
    if environment.get("PYTHONIOENCODING") or environment.get("PYTHONUTF8") == "1":
        return False
    named = environment.get("LC_ALL")
    if not named and environment.get("LC_CTYPE", "").lower() not in {"c.utf-8", "c.utf8"}:
        named = environment.get("LC_CTYPE")
    return (named or environment.get("LANG")) in {"C", "POSIX"}


def _lacking(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return error.object[error.start : error.end], error.end


def _escaped(error: UnicodeError) -> tuple[str, int]:
    text, end = _lacking(error)
    units = text.encode("utf-16-be", "surrogatepass")
    pairs = (units[at : at + 2].hex() for at in range(0, len(units), 2))
    return "".join(f"\\u{pair}" for pair in pairs), end


def _plain(error: UnicodeError) -> tuple[str, int]:
    text, end = _lacking(error)
    return "".join(_nearest(letter) for letter in text), end


def _nearest(letter: str) -> str:
    if letter in _PLAIN:
        return _PLAIN[letter]
    return unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode() or "?"
