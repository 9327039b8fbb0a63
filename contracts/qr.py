"""QR codes as pictures, made here."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

__all__ = ["QUIET_ZONE", "modules", "plain", "shown", "svg", "svg_uri", "terminal"]

QUIET_ZONE = 4
"""Light modules around a code that is printed (ISO/IEC 18004); a terminal does with 2."""


def modules(text: str, *, border: int = 0) -> Sequence[Sequence[int]]:
    """The code's rows, 1 for a dark module, with a light border; the text as UTF-8 if need be."""
    import segno  # noqa: PLC0415  # only where a code is shown

    code = segno.make_qr(text, error="M", boost_error=False)
    return [list(row) for row in code.matrix_iter(border=border)]


def svg(text: str) -> str:
    """A QR code as SVG, dark on light with its quiet zone."""
    import segno  # noqa: PLC0415  # only where a code is shown

    drawn = io.BytesIO()
    segno.make_qr(text, error="M", boost_error=False).save(
        drawn, kind="svg", scale=6, light="#fff", dark="#000", xmldecl=False, omitsize=True
    )
    return drawn.getvalue().decode()


def svg_uri(text: str) -> str:
    """The same as a data URI for an image."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg(text).encode()).decode()


def terminal(text: str) -> str:
    """A QR code for a dark terminal, two rows of modules a line: light modules are drawn."""
    framed = modules(text, border=2)
    pairs = zip(framed[0::2], [*framed[1::2], [0] * len(framed)], strict=False)
    return "\n".join(
        "".join(" ▄▀█"[3 - (2 * above + below)] for above, below in zip(upper, lower, strict=False))
        for upper, lower in pairs
    )


def shown(text: str, encoding: str | None) -> str:
    """The same, in ASCII where the encoding has no block elements (an old console, LANG=C)."""
    code = terminal(text)
    try:
        code.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return plain(text)
    return code


def plain(text: str) -> str:
    """The same in ASCII, a row a line, two characters a module."""
    return "\n".join(
        "".join("  " if module else "##" for module in row) for row in modules(text, border=2)
    )
