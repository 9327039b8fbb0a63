"""Sites: places with a network of their own, and how their tunnels are."""

from __future__ import annotations

from nicegui import ui

from hub.api.principal import Administrator
from hub.language.words import _
from hub.services import Services
from hub.sites.watch import SiteWatch
from hub.web.cards import columns
from hub.web.frame import frame
from hub.web.page import page
from hub.web.sites.listed import SitesCard

__all__ = ["mount"]


def mount(services: Services) -> None:
    """Add /sites."""

    @page("/sites")
    async def sites(principal: Administrator) -> None:
        zone = (await services.zones.of(principal.tenant)).zone
        with frame(principal, _("Sites"), zone):
            ui.label(
                _(
                    "A site is a place with a network of its own: a WireGuard tunnel joins its "
                    "gateway and this hub (docs/sites.md)."
                )
            ).classes("dm-soft")
            shown = SitesCard(services, principal, zone)
            with columns(""):
                await shown.show()
            ui.timer(SiteWatch.EVERY_S, shown.again, immediate=False)
