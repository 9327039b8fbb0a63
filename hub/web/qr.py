"""HomeKit's setup codes as pictures, made here."""

from __future__ import annotations

import base64
import io

__all__ = ["svg", "svg_uri"]


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
