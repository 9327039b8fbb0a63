"""The page of who is logged in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from hub.web.frame import frame
from hub.web.people.principal import Reader

if TYPE_CHECKING:
    from hub.web.site import Site

__all__ = ["mount"]


def mount(site: Site) -> None:
    """Add /account."""

    @ui.page("/account")
    async def account(principal: Reader) -> None:
        with frame(principal, "Account"):
            ui.label(f"You are {principal.name}, {principal.role} of {principal.tenant}.")
            sessions = await site.sessions.of(principal.person)
            ui.label(f"Logged in {len(sessions)} times.")
