"""Updates: the firmware that is there, rollouts, a rollout to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from hub.api.principal import Administrator, Reader
from hub.web.frame import frame, heading
from hub.web.pages import Link
from hub.web.updates.images import Images
from hub.web.updates.listed import Listed
from hub.web.updates.planned import Planned
from hub.web.updates.watched import Watched

if TYPE_CHECKING:
    from hub.web.site import Site

__all__ = ["LINK", "mount"]

LINK = Link("Updates", "/updates", "system_update_alt", 40)


def mount(site: Site) -> None:
    """Add /updates, /updates/new and /updates/{number}."""

    @ui.page("/updates")
    async def updates(principal: Reader) -> None:
        with frame(principal, "Updates"):
            listed = Listed(site.services, principal)
            images = Images(site.services, principal)
            await listed.load()
            await images.load()
            heading("Rollouts")
            listed.show()
            ui.timer(0, listed.watch, once=True)
            heading("Firmware")
            images.show()

    @ui.page("/updates/new")
    async def new(principal: Administrator, image: int | None = None) -> None:
        with frame(principal, "New rollout"):
            await Planned(site.services, principal, image).show()

    @ui.page("/updates/{number}")
    async def rollout(principal: Reader, number: int) -> None:
        # Before the frame: one that is gone gets a page that says so.
        watched = await Watched.of(site.services, principal, number)
        with frame(principal, f"Rollout {number}"):
            await watched.show()
            ui.timer(0, watched.watch, once=True)
