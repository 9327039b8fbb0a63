"""HomeKit's setup codes as pictures, made here."""

from __future__ import annotations

import base64
import io

__all__ = ["svg", "svg_uri", "terminal"]


def svg(setup_uri: str) -> str:
    """A QR code of HAP's setup URI (X-HM://...) as SVG, dark on light with its quiet zone."""
    import pyqrcode  # noqa: PLC0415  # only where a code is shown

    drawn = io.BytesIO()
    pyqrcode.create(setup_uri, error="M").svg(
        drawn, scale=6, background="#fff", module_color="#000", xmldecl=False, omithw=True
    )
    return drawn.getvalue().decode()


def svg_uri(setup_uri: str) -> str:
    """The same as a data URI for an image."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg(setup_uri).encode()).decode()


def terminal(setup_uri: str) -> str:
    """A QR code of HAP's setup URI (X-HM://...), two rows of modules a line, light on dark."""
    import pyqrcode  # noqa: PLC0415  # only where a code is shown

    modules = pyqrcode.create(setup_uri, error="M").code
    edge = [[0] * (len(modules) + 4)]
    framed = [*edge, *edge, *([0, 0, *row, 0, 0] for row in modules), *edge, *edge]
    # Two rows of modules a line, dark on light whatever the terminal's colours are.
    pairs = zip(framed[0::2], [*framed[1::2], *edge], strict=False)
    return "\n".join(
        "".join(" ▄▀█"[3 - (2 * above + below)] for above, below in zip(upper, lower, strict=False))
        for upper, lower in pairs
    )
