"""The first page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from hub.web.frame import frame
from hub.web.pages import Link
from hub.web.people.principal import Reader

if TYPE_CHECKING:
    from hub.web.site import Site

__all__ = ["LINK", "mount"]

LINK = Link("Home", "/", "home", 10)


def mount(site: Site) -> None:
    """Add /."""
    _ = site

    @ui.page("/")
    async def home(principal: Reader) -> None:
        with frame(principal, "Home"):
            ui.label(principal.tenant)
