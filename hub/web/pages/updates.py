"""Updates: the firmware that is there, rollouts, a rollout to be."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from nicegui import ui

from hub.api.principal import Administrator, Reader
from hub.language.words import _
from hub.services import Services
from hub.web.frame import frame, heading
from hub.web.page import page
from hub.web.updates.images import Images
from hub.web.updates.listed import Listed
from hub.web.updates.planned import Planned
from hub.web.updates.watched import Watched

__all__ = ["mount"]


def mount(services: Services) -> None:
    """Add /updates, /updates/new and /updates/{number}."""

    @page("/updates")
    async def updates(principal: Reader) -> None:
        zone = (await services.zones.of(principal.tenant)).zone
        with frame(principal, _("Updates"), zone):
            listed = Listed(services, principal, zone)
            images = Images(services, principal, zone)
            await listed.load()
            await images.load()
            heading(_("Rollouts"))
            listed.show()
            ui.timer(0, listed.watch, once=True)
            heading(_("Firmware"))
            images.show()

    @page("/updates/new")
    async def new(
        principal: Administrator,
        image: int | None = None,
        devices: Annotated[str, Query(max_length=100_000)] = "",
    ) -> None:
        zone = (await services.zones.of(principal.tenant)).zone
        with frame(principal, _("New rollout"), zone):
            chosen = [one for one in devices.split(",") if one]
            await Planned(services, principal, image, chosen).show()

    @page("/updates/{number}")
    async def rollout(principal: Reader, number: int) -> None:
        # Before the frame: one that is gone gets a page that says so.
        watched = await Watched.of(services, principal, number)
        with frame(principal, _("Rollout {number}", number=number), watched.zone):
            await watched.show()
            ui.timer(0, watched.watch, once=True)
