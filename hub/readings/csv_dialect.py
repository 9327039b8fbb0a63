"""How CSV is written: for programs, or for a spreadsheet of one's own language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from hub.errors import HubError

__all__ = [
    "FORMULA",
    "PLAIN",
    "CsvDialect",
    "Decimal",
    "DialectError",
    "Separator",
    "defused",
    "dialect_of",
]

Separator = Literal[",", ";", "\t"]
Decimal = Literal[".", ","]

# Blanks, control characters and what cannot be seen: some spreadsheet drops each before it looks.
_UNSEEN = (
    r"[\u0001-\u0020\u007F\u0085\u00A0\u00AD\u034F\u061C\u115F\u1160\u1680\u180B-\u180F\u2000-\u200F"
    r"\u2028-\u202F\u205F-\u206F\u2800\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF9-\uFFFB]"
)
# = + @ - and all forms that Unicode takes for these: full-width, small, raised, lowered; the minus.
_SIGNS = (
    r"[=+@\uFF1D\uFF0B\uFF0D\uFF20\uFE62\uFE63\uFE66\uFE6B\u207A-\u207C\u208A-\u208C\u2212"
    r"\u2A75\u2A76\uFB29-]"
)
FORMULA = rf"^(?:[\t\r\n]|{_UNSEEN}*{_SIGNS})"
"""What a spreadsheet takes for a formula, or may: as Python and Postgres both understand it."""
_FORMULA = re.compile(FORMULA)


class DialectError(HubError):
    """decimal=',' takes another separator: ';' or a tab."""

    http_status = 422
    exit_status = 2


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """What is between cells, what is before decimals, and whether a byte order mark begins it.

    Excel reads UTF-8 by its mark alone, and numbers by its user's language.
    """

    separator: Separator = ","
    decimal: Decimal = "."
    bom: bool = False

    def validate(self) -> None:
        """Raises DialectError."""
        if self.separator == self.decimal:
            raise DialectError

    @property
    def mark(self) -> bytes:
        """What the file begins with."""
        return "\N{ZERO WIDTH NO-BREAK SPACE}".encode() if self.bom else b""

    def number(self, text: str) -> str:
        """A number's text with the decimal sign."""
        return text.replace(".", self.decimal)


def dialect_of(separator: str, decimal: str, *, bom: bool = False) -> CsvDialect:
    """The dialect of what a person typed. Raises DialectError."""
    separators: dict[str, Separator] = {",": ",", ";": ";", "\t": "\t", "tab": "\t", r"\t": "\t"}
    decimals: dict[str, Decimal] = {".": ".", ",": ","}
    if separator not in separators or decimal not in decimals:
        raise DialectError("CSV is separated by , ; or tab, and has . or , before decimals")
    dialect = CsvDialect(separators[separator], decimals[decimal], bom)
    dialect.validate()
    return dialect


PLAIN = CsvDialect()
"""As programs read it."""


def defused(text: str) -> str:
    """The text behind an apostrophe where a spreadsheet would take it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text
